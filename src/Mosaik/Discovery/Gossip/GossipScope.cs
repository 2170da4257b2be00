namespace Mosaik.Discovery.Gossip;

/// <summary>How far a broadcast goes (spec/gossip.md §4): through the whole swarm, or to direct neighbours only.</summary>
internal readonly record struct GossipScope
{
    private readonly bool _isNeighbours;

    private GossipScope(bool isNeighbours, ushort round) => (_isNeighbours, Round) = (isNeighbours, round);

    /// <summary>To everybody, at round 0: what the originator asks for.</summary>
    public static GossipScope Swarm => default;

    /// <summary>To those neighbours alone that get payloads at once; nobody passes it on.</summary>
    public static GossipScope Neighbours => new(true, 0);

    /// <summary>Whether it is passed on.</summary>
    public bool IsSwarm => !_isNeighbours;

    /// <summary>The number of hops before the one it came over; 0 for neighbours.</summary>
    public ushort Round { get; }

    /// <summary>Swarm scope after some hops.</summary>
    public static GossipScope SwarmAt(ushort round) => new(false, round);

    /// <inheritdoc/>
    public override string ToString() => _isNeighbours ? "neighbours" : $"swarm, round {Round}";
}
