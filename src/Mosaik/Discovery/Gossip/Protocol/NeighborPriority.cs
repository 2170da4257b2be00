namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>How urgent a request for neighbourhood is.</summary>
internal enum NeighborPriority
{
    /// <summary>Never refused: somebody else has to go if there is no room.</summary>
    High = 0,

    /// <summary>Refused when there is no room.</summary>
    Low = 1,
}
