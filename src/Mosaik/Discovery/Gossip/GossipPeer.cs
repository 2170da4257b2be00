using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip;

/// <summary>
/// What the driver has of one peer (spec/gossip.md §9.2): dialling when there is no connection but a dial, active when
/// there is one to send over, lingering when there are only others.
/// </summary>
internal sealed class GossipPeer(PeerId id)
{
    public PeerId Id { get; } = id;

    /// <summary>Messages that wait for a connection.</summary>
    public Queue<Outgoing> Waiting { get; } = new();

    /// <summary>The dial that is under way or waits for its turn.</summary>
    public GossipDial? Dial { get; set; }

    /// <summary>Where messages go.</summary>
    public GossipConnection? Sending { get; set; }

    /// <summary>Superseded or lingering ones, the oldest first.</summary>
    public List<GossipConnection> Others { get; } = [];

    /// <summary>The peer was given up while a dial was under way: the connection will not be kept.</summary>
    public bool IsGivenUp { get; set; }

    /// <summary>Whether nothing is left of it.</summary>
    public bool IsEmpty => Dial is null && Sending is null && Others.Count == 0;

    /// <summary>All its connections, the one to send over last.</summary>
    public IEnumerable<GossipConnection> Connections => Sending is null ? Others : Others.Append(Sending);
}
