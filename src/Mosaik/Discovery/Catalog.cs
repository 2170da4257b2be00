using System.Collections.Immutable;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// What this node knows of its network at one moment: signed entries that other nodes published, unsigned ones put in
/// locally, and its own (spec/discovery.md §6). Immutable; reading takes no lock and never waits.
/// </summary>
/// <remarks>
/// Every query leaves out what is stale at the moment of the query, so that an entry disappears at its horizon even
/// before it
/// is purged. Order: ascending by peer id, all signed ones before all unsigned ones.
/// </remarks>
public sealed class Catalog
{
    private readonly TimeProvider _timeProvider;

    internal Catalog(CatalogState state, SignedPeerEntry local, TimeProvider timeProvider)
    {
        State = state;
        Local = local;
        _timeProvider = timeProvider;
    }

    internal CatalogState State { get; }

    /// <summary>The network.</summary>
    public NetworkId NetworkId => State.Network;

    /// <summary>This node.</summary>
    public PeerId LocalId => State.Self;

    /// <summary>This node's own entry; always there and never stale.</summary>
    public SignedPeerEntry Local { get; }

    /// <summary>All other nodes, signed or not, within <see cref="DiscoveryOptions.MaxRtt"/>.</summary>
    public IEnumerable<PeerInfo> Peers
    {
        get
        {
            long now = NowMs;
            return Known(now).Where(e => State.PassesMaxRtt(e.Id)).Select(ToInfo);
        }
    }

    /// <summary>The number of <see cref="Peers"/>; usually without counting them.</summary>
    public int PeersCount => State.PeersCountAt(NowMs);

    /// <summary>All other nodes that published their entry themselves, whatever their round-trip time.</summary>
    public IEnumerable<SignedPeerEntry> SignedPeers => FreshSigned(NowMs);

    /// <summary>The number of <see cref="SignedPeers"/>.</summary>
    public int SignedPeersCount
    {
        get
        {
            long now = NowMs;
            return now <= State.EarliestExpiryMs ? State.Signed.Count : FreshSigned(now).Count();
        }
    }

    /// <summary>All other nodes known only by an entry put in locally.</summary>
    public IEnumerable<PeerEntry> UnsignedPeers => FreshUnsigned(NowMs);

    /// <summary>Everything, this node included.</summary>
    public IEnumerable<PeerInfo> All
    {
        get
        {
            long now = NowMs;
            return WithLocal(now).Select(static e => e.Entry).Concat(FreshUnsigned(now)).Select(ToInfo);
        }
    }

    /// <summary>The number of entries in <see cref="All"/>.</summary>
    public int Count
    {
        get
        {
            long now = NowMs;
            return now <= State.EarliestExpiryMs
                ? State.Signed.Count + State.Unsigned.Count + 1
                : FreshSigned(now).Count() + FreshUnsigned(now).Count() + 1;
        }
    }

    /// <summary>Every signed entry, this node's included: what a sync sends.</summary>
    public IEnumerable<SignedPeerEntry> AllSigned => WithLocal(NowMs);

    private long NowMs => _timeProvider.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>A node by id, signed before unsigned, within <see cref="DiscoveryOptions.MaxRtt"/>.</summary>
    /// <param name="id">The node; may be this one.</param>
    /// <returns>The peer, or null.</returns>
    public PeerInfo? Get(PeerId id) => State.PassesMaxRtt(id) ? GetKnown(id) : null;

    /// <summary>A node's signed entry by id.</summary>
    /// <param name="id">The node; may be this one.</param>
    /// <returns>The entry, or null.</returns>
    public SignedPeerEntry? GetSigned(PeerId id) => id == LocalId ? Local : State.GetSigned(id, NowMs);

    /// <summary>
    /// A node by id whatever its round-trip time: for those who accept connections and refuse slow peers as such.
    /// </summary>
    /// <param name="id">The node; may be this one.</param>
    /// <returns>The peer, or null.</returns>
    public PeerInfo? GetKnown(PeerId id) =>
        (id == LocalId ? Local.Entry : State.GetKnown(id, NowMs)) is { } entry ? ToInfo(entry) : null;

    /// <summary>The peers that produce a stream, within <see cref="DiscoveryOptions.MaxRtt"/>; from an index.</summary>
    /// <param name="stream">The stream.</param>
    /// <returns>The peers, ascending by id.</returns>
    public IEnumerable<PeerInfo> PeersOf(StreamId stream) =>
        PeersOf(State.ByStream.TryGetValue(stream, out ImmutableSortedSet<PeerId>? ids) ? ids : []);

    /// <summary>
    /// The peers that are members of a group, within <see cref="DiscoveryOptions.MaxRtt"/>; from an index.
    /// </summary>
    /// <param name="group">The group.</param>
    /// <returns>The peers, ascending by id.</returns>
    public IEnumerable<PeerInfo> PeersOf(GroupId group) =>
        PeersOf(State.ByGroup.TryGetValue(group, out ImmutableSortedSet<PeerId>? ids) ? ids : []);

    private IEnumerable<PeerInfo> PeersOf(ImmutableSortedSet<PeerId> ids) => ids.Select(Get).OfType<PeerInfo>();

    private PeerInfo ToInfo(PeerEntry entry) => new(entry, State.RttOf(entry.Id));

    private IEnumerable<PeerEntry> Known(long nowMs) => FreshSigned(nowMs).Select(static e => e.Entry).Concat(FreshUnsigned(nowMs));

    private IEnumerable<SignedPeerEntry> FreshSigned(long nowMs) => State.Signed.Values.Where(e => State.IsFresh(e, nowMs));

    private IEnumerable<PeerEntry> FreshUnsigned(long nowMs) =>
        State.Unsigned.Values.Where(p => State.IsFresh(p, nowMs)).Select(static p => p.Entry);

    private IEnumerable<SignedPeerEntry> WithLocal(long nowMs)
    {
        bool yielded = false;
        foreach (SignedPeerEntry entry in FreshSigned(nowMs))
        {
            if (!yielded && entry.Id > LocalId)
            {
                yielded = true;
                yield return Local;
            }
            yield return entry;
        }
        if (!yielded)
            yield return Local;
    }
}
