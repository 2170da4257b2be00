using System.Collections.Immutable;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>A peer as this node sees it: its entry and the round-trip time measured here.</summary>
public sealed class PeerInfo
{
    private readonly TimeSpan? _rtt;

    internal PeerInfo(PeerEntry entry, TimeSpan? rtt)
    {
        Entry = entry;
        _rtt = rtt;
    }

    /// <summary>What the peer says about itself.</summary>
    public PeerEntry Entry { get; }

    /// <summary>The smoothed round-trip time; null if unknown.</summary>
    public TimeSpan? Rtt
    {
        get
        {
            RttWasRead = true;
            return _rtt;
        }
    }

    /// <summary>
    /// Whether somebody asked for the round-trip time: who does wants to be asked again when it changes.
    /// </summary>
    internal bool RttWasRead { get; private set; }

    /// <inheritdoc cref="PeerEntry.Id"/>
    public PeerId Id => Entry.Id;

    /// <inheritdoc cref="PeerEntry.NetworkId"/>
    public NetworkId NetworkId => Entry.NetworkId;

    /// <inheritdoc cref="PeerEntry.ProtocolVersion"/>
    public string ProtocolVersion => Entry.ProtocolVersion;

    /// <inheritdoc cref="PeerEntry.Version"/>
    public PeerVersion Version => Entry.Version;

    /// <inheritdoc cref="PeerEntry.UpdatedAt"/>
    public DateTimeOffset UpdatedAt => Entry.UpdatedAt;

    /// <inheritdoc cref="PeerEntry.StartedAt"/>
    public DateTimeOffset StartedAt => Entry.StartedAt;

    /// <inheritdoc cref="PeerEntry.Address"/>
    public EndpointAddress Address => Entry.Address;

    /// <inheritdoc cref="PeerEntry.Tags"/>
    public ImmutableSortedSet<Tag> Tags => Entry.Tags;

    /// <inheritdoc cref="PeerEntry.Streams"/>
    public ImmutableSortedSet<StreamId> Streams => Entry.Streams;

    /// <inheritdoc cref="PeerEntry.Groups"/>
    public ImmutableSortedSet<GroupId> Groups => Entry.Groups;

    /// <inheritdoc cref="PeerEntry.Tickets"/>
    public ImmutableSortedDictionary<UniqueId, Ticket> Tickets => Entry.Tickets;

    /// <summary>Whether the round-trip time is below a limit; true while it is unknown.</summary>
    /// <param name="limit">The limit, which itself is not below.</param>
    /// <returns>True if unknown or strictly less.</returns>
    public bool RttBelow(TimeSpan limit) => Rtt is not { } rtt || rtt < limit;

    /// <inheritdoc cref="PeerEntry.HasValidTicket"/>
    public bool HasValidTicket(TicketClass ticketClass, Func<ReadOnlyMemory<byte>, bool> predicate) =>
        Entry.HasValidTicket(ticketClass, predicate);

    /// <inheritdoc cref="PeerEntry.UptimeAt"/>
    public TimeSpan UptimeAt(DateTimeOffset now) => Entry.UptimeAt(now);

    /// <inheritdoc/>
    public override string ToString() => Entry.ToString();
}
