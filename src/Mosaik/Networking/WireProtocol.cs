using System.Collections.Immutable;

namespace Mosaik.Networking;

/// <summary>
/// The protocols of a node, with everything about them that belongs to the wire: names, frame limits, deadlines and
/// connection limits (spec/wire.md §6.2, §6.5, §7; spec/reliability.md E19). The one place for these numbers.
/// </summary>
/// <remarks>Only primary names are dialled; all names are accepted with the same handler.</remarks>
internal sealed class WireProtocol
{
    private WireProtocol(string name, string alpn, params ImmutableArray<string> alsoAccepted)
    {
        Name = name;
        Alpn = alpn;
        AcceptedAlpn = [alpn, .. alsoAccepted];
    }

    /// <summary>What happens to an inbound connection above the limit of its peer.</summary>
    internal enum Overflow
    {
        /// <summary>It is closed at once.</summary>
        Refuse,

        /// <summary>
        /// It waits for another one to end; the wait counts against its deadline (spec/discovery.md §15).
        /// </summary>
        Wait,

        /// <summary>It takes the place of the peer's oldest one (spec/gossip.md §10).</summary>
        ReplaceOldest,
    }

    /// <summary>Gossip: no link, but unidirectional streams.</summary>
    public static WireProtocol Announce { get; } =
        new("announce", "/mosaik/discovery/announce/1.0", "/mosaik/announce")
        {
            MaxInboundPayload = 4096,
            ConnectionsPerPeer = 4,
            WhenFull = Overflow.ReplaceOldest,
            RefusalCode = CloseCode.None,
        };

    /// <summary>Exchange of whole catalogs.</summary>
    public static WireProtocol Sync { get; } =
        new("sync", "/mosaik/discovery/sync/1.0", "/mosaik/catalog-sync")
        {
            MaxInboundPayload = 64 * MiB,
            FirstMessageDeadline = TimeSpan.FromSeconds(10),
            ConnectionsPerPeer = 2,
            ConnectionsInTotal = 16,
            WhenFull = Overflow.Wait,
        };

    /// <summary>Liveness and a fresh entry.</summary>
    public static WireProtocol Ping { get; } =
        new("ping", "/mosaik/discovery/ping/1.0")
        {
            MaxInboundPayload = 256 * 1024,
            ConnectionsPerPeer = 2,
            ConnectionsInTotal = 64,
            WhenFull = Overflow.Wait,
        };

    /// <summary>Data streams. The limit is that of the handshake; a stream sets its own for datums.</summary>
    public static WireProtocol Streams { get; } =
        new("streams", "/mosaik/streams/1.0")
        {
            MaxInboundPayload = 4096,
            ConnectionsPerPeer = 256,
            RefusalCode = CloseCode.NoCapacity,
        };

    /// <summary>
    /// Groups. The limit is that of the handshake; an established bond sets its own. Two connections per peer are meant
    /// per group: the groups acceptor counts those, here is the bound for all groups of a peer together.
    /// </summary>
    public static WireProtocol Groups { get; } =
        new("groups", "/mosaik/groups/1")
        {
            MaxInboundPayload = 4 * MiB,
            ViolationCode = CloseCode.InvalidHandshake,
            TimeoutCode = CloseCode.Timeout,
            FirstMessageDeadline = TimeSpan.FromSeconds(2),
            ConnectionsPerPeer = 256,
        };

    /// <summary>All of them.</summary>
    public static ImmutableArray<WireProtocol> All { get; } = [Announce, Sync, Ping, Streams, Groups];

    private const int MiB = 1024 * 1024;

    /// <summary>Short name for logs and metrics.</summary>
    public string Name { get; }

    /// <summary>The primary name, the only one that is dialled.</summary>
    public string Alpn { get; }

    /// <summary>All names under which the protocol is accepted, the primary one first.</summary>
    public ImmutableArray<string> AcceptedAlpn { get; }

    /// <summary>Largest payload of the first message of either side.</summary>
    public int MaxInboundPayload { get; private init; }

    /// <summary>How long the acceptor waits for the stream and the first message.</summary>
    public TimeSpan FirstMessageDeadline { get; private init; } = TimeSpan.FromSeconds(5);

    /// <summary>Inbound connections of one peer.</summary>
    public int ConnectionsPerPeer { get; private init; }

    /// <summary>Inbound connections of all peers.</summary>
    public int ConnectionsInTotal { get; private init; } = int.MaxValue;

    /// <summary>What happens above <see cref="ConnectionsPerPeer"/> and <see cref="ConnectionsInTotal"/>.</summary>
    public Overflow WhenFull { get; private init; }

    /// <summary>Closes a link whose peer breaks the framing or sends what cannot be decoded.</summary>
    public CloseCode ViolationCode { get; private init; } = CloseCode.ProtocolViolation;

    /// <summary>Closes a link whose deadline has expired.</summary>
    public CloseCode TimeoutCode { get; private init; } = CloseCode.Cancelled;

    /// <summary>Closes a connection that is refused because of a limit.</summary>
    public CloseCode RefusalCode { get; private init; } = CloseCode.Cancelled;

    /// <inheritdoc/>
    public override string ToString() => Name;
}
