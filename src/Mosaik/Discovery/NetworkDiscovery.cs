using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Discovery;

/// <summary>
/// How a node knows its peers: <c>network.Discovery</c>. A cheap, thread-safe handle; reading never waits.
/// </summary>
/// <remarks>
/// Everything known is in <see cref="Catalog"/>. Nothing here is authoritative except each node's signature over its
/// own entry
/// (spec/discovery.md §1).
/// </remarks>
public sealed class NetworkDiscovery
{
    private readonly DiscoveryDriver _driver;

    internal NetworkDiscovery(DiscoveryDriver driver) => _driver = driver;

    /// <summary>What is known now: an immutable snapshot.</summary>
    public Catalog Catalog => _driver.Catalog;

    /// <summary>This node's own entry, signed, with all changes made so far.</summary>
    public SignedPeerEntry Me => _driver.Local.Sign(_driver.WallMs);

    internal DiscoveryDriver Driver => _driver;

    /// <summary>Adds roles to this node; nothing happens if it has them all.</summary>
    /// <param name="tags">The roles.</param>
    /// <returns>Whether anything changed. The change is visible at once and published within milliseconds.</returns>
    public bool AddTags(params ReadOnlySpan<Tag> tags)
    {
        Tag[] copy = tags.ToArray();
        return Change((entry, now) => entry.AddTags(now, copy));
    }

    /// <summary>Removes roles from this node; nothing happens if it has none of them.</summary>
    /// <param name="tags">The roles.</param>
    /// <returns>Whether anything changed.</returns>
    public bool RemoveTags(params ReadOnlySpan<Tag> tags)
    {
        Tag[] copy = tags.ToArray();
        return Change((entry, now) => entry.RemoveTags(now, copy));
    }

    /// <summary>Adds a ticket to this node's entry; nothing happens if it has a ticket of that id.</summary>
    /// <param name="ticket">The ticket, which everybody in the network can read.</param>
    /// <returns>Whether anything changed.</returns>
    /// <exception cref="TicketLimitException">It would be the 17th, or more than 64 KiB of data in all.</exception>
    public bool AddTicket(Ticket ticket) => Change((entry, now) => entry.AddTicket(now, ticket));

    /// <summary>Removes a ticket from this node's entry.</summary>
    /// <param name="ticketId">The id of the ticket.</param>
    /// <returns>Whether anything changed.</returns>
    public bool RemoveTicket(UniqueId ticketId) => Change((entry, now) => entry.RemoveTicket(now, ticketId));

    /// <summary>Removes all tickets of a class from this node's entry.</summary>
    /// <param name="ticketClass">The class.</param>
    /// <returns>Whether anything changed.</returns>
    public bool RemoveTicketsOf(TicketClass ticketClass) => Change((entry, now) => entry.RemoveTicketsOf(now, ticketClass));

    /// <summary>Puts a ticket in the place of all tickets of its class, as one change.</summary>
    /// <param name="ticket">The ticket.</param>
    /// <returns>Whether anything changed.</returns>
    /// <exception cref="TicketLimitException">There would be more than 16, or more than 64 KiB of data in
    /// all.</exception>
    public bool ReplaceTicket(Ticket ticket) => Change((entry, now) => entry.ReplaceTicket(now, ticket));

    /// <summary>Offers a signed entry that came by some other way.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>True if it was new or newer than the known one. No sync is started.</returns>
    public async ValueTask<bool> FeedAsync(SignedPeerEntry entry, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(entry);
        UpsertResult[] results = await _driver.OfferAsync([entry], EntrySource.Feed, cancellationToken).ConfigureAwait(false);
        return results[0] is UpsertResult.New or UpsertResult.Updated;
    }

    /// <summary>Puts in an entry that nobody signed, for this node only: it is never sent to anyone.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>False if it is about this node, of another network, or a fresh signed entry of the peer is
    /// known.</returns>
    public ValueTask<bool> InsertAsync(PeerEntry entry, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return _driver.InsertAsync(entry, cancellationToken);
    }

    /// <summary>Removes an unsigned entry.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Whether there was one.</returns>
    public ValueTask<bool> RemoveAsync(PeerId peer, CancellationToken cancellationToken = default) =>
        _driver.RemoveUnsignedAsync(peer, cancellationToken);

    /// <summary>Removes all unsigned entries.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Whether there were any.</returns>
    public ValueTask<bool> ClearUnsignedAsync(CancellationToken cancellationToken = default) =>
        _driver.ClearUnsignedAsync(cancellationToken);

    /// <summary>
    /// Exchanges catalogs with a node: when it completes, both know everything the other knew. Concurrent calls for one
    /// peer
    /// share connections where that gives the same result.
    /// </summary>
    /// <param name="address">The node; a bare <see cref="PeerId"/> is looked up.</param>
    /// <param name="cancellationToken">Ends the wait, and the exchange if nobody else wants it.</param>
    /// <returns>A task for the exchange.</returns>
    /// <exception cref="DiscoveryException">The link failed, or the node belongs to another network.</exception>
    /// <exception cref="MosaikTimeoutException">Connecting or a step took too long.</exception>
    /// <exception cref="NetworkClosedException">The network is stopping.</exception>
    public ValueTask SyncWithAsync(EndpointAddress address, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        return _driver.SyncWithAsync(address, cancellationToken);
    }

    /// <summary>
    /// Tells the node of peers it should get to know. Best effort: completes when that is queued, not when connected.
    /// </summary>
    /// <param name="peers">The peers; bare <see cref="PeerId"/>s are looked up.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task for the queueing.</returns>
    public ValueTask DialAsync(IEnumerable<EndpointAddress> peers, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(peers);
        return _driver.DialAsync([.. peers], cancellationToken);
    }

    /// <summary>Asks a node whether it is there. Feeds nothing to the catalog.</summary>
    /// <param name="address">The node; a bare <see cref="PeerId"/> is looked up.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Its current entry and the round-trip time.</returns>
    /// <exception cref="DiscoveryException">The answer is not its entry, or names another network.</exception>
    /// <exception cref="LinkException">It cannot be reached.</exception>
    /// <exception cref="MosaikTimeoutException">No answer within 5 s.</exception>
    public ValueTask<PingResult> PingAsync(EndpointAddress address, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        return Ping.RunAsync(_driver, address, cancellationToken);
    }

    /// <summary>
    /// Events from now on: the subscription is active when this method returns. A subscriber that falls more than
    /// <see cref="DiscoveryOptions.EventsBacklog"/> behind is told how many it missed. Ends when the network stops.
    /// </summary>
    /// <param name="options">What to see; null for everything.</param>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    /// <returns>The events; can be enumerated once.</returns>
    public IAsyncEnumerable<DiscoveryEvent> EventsAsync(
        DiscoveryEventOptions? options = null, CancellationToken cancellationToken = default) =>
        _driver.Hub.Subscribe(options ?? new DiscoveryEventOptions()).With(cancellationToken);

    /// <summary>
    /// The current catalog, then the latest one after changes; intermediate ones may be skipped, and each says how it
    /// differs
    /// from the one before. Ends when the network stops.
    /// </summary>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    /// <returns>The catalogs.</returns>
    public async IAsyncEnumerable<CatalogUpdate> WatchCatalogAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        CatalogWatch watch = _driver.Hub.Watch(() => _driver.State);
        try
        {
            yield return watch.First(_driver.CatalogOf);
            while (await watch.NextAsync(_driver.CatalogOf, cancellationToken).ConfigureAwait(false) is { } update)
                yield return update;
        }
        finally
        {
            _driver.Hub.Unwatch(watch);
        }
    }

    /// <summary>Adds streams this node produces.</summary>
    internal bool AddStreams(params ReadOnlySpan<StreamId> streams)
    {
        StreamId[] copy = streams.ToArray();
        return Change((entry, now) => entry.AddStreams(now, copy));
    }

    /// <summary>Removes streams this node no longer produces.</summary>
    internal bool RemoveStreams(params ReadOnlySpan<StreamId> streams)
    {
        StreamId[] copy = streams.ToArray();
        return Change((entry, now) => entry.RemoveStreams(now, copy));
    }

    /// <summary>Adds groups this node is a member of.</summary>
    internal bool AddGroups(params ReadOnlySpan<GroupId> groups)
    {
        GroupId[] copy = groups.ToArray();
        return Change((entry, now) => entry.AddGroups(now, copy));
    }

    /// <summary>Removes groups this node has left.</summary>
    internal bool RemoveGroups(params ReadOnlySpan<GroupId> groups)
    {
        GroupId[] copy = groups.ToArray();
        return Change((entry, now) => entry.RemoveGroups(now, copy));
    }

    /// <summary>
    /// The producers of a stream: those known now, then changes. Whatever their round-trip time;
    /// <see cref="Catalog.Get"/> tells
    /// whether it is within the limit. To be disposed. A reader that waits for other things as well gives its own signal.
    /// </summary>
    internal StreamPeers FollowStream(StreamId stream, Signal? signal = null) => _driver.Hub.Follow(
        stream,
        _driver.Node.Id,
        () =>
        {
            CatalogState state = _driver.State;
            long now = _driver.WallMs;
            return state.ByStream.TryGetValue(stream, out ImmutableSortedSet<PeerId>? ids)
                ? ids.Select(id => state.GetKnown(id, now)).OfType<PeerEntry>()
                : [];
        },
        signal);

    /// <summary>Follows single peers, to be named later. To be disposed.</summary>
    internal PeerFollower FollowPeers(Signal signal) => new(_driver.Hub, signal);

    /// <summary>Takes in a round-trip time measured on a connection to a peer.</summary>
    internal void SampleRtt(PeerId peer, TimeSpan rtt) => _driver.SampleRtt(peer, rtt);

    /// <summary>The smoothed round-trip time as it will be with one more sample; for those who decide by that sample.</summary>
    internal TimeSpan? RttWith(PeerId peer, TimeSpan? sample)
    {
        if (sample is not { } rtt || rtt <= TimeSpan.Zero)
            return _driver.State.RttOf(peer);
        long ns = rtt.Ticks * TimeSpan.NanosecondsPerTick;
        return (_driver.State.Rtts.TryGetValue(peer, out RttEstimate known) ? known.Next(ns) : RttEstimate.First(ns)).Smoothed;
    }

    private bool Change(Func<PeerEntry, DateTimeOffset, PeerEntry> change)
    {
        DateTimeOffset now = _driver.TimeProvider.GetUtcNow();
        return _driver.Local.Change(entry => change(entry, now));
    }
}
