using System.Net;
using Mosaik.Primitives;

namespace Mosaik.Networking;

/// <summary>
/// What a node knows about where its peers are: addresses with source and expiry (spec/wire.md §5.4). Feeds dialling
/// and nothing else: addresses of other peers are never published.
/// </summary>
/// <remarks>
/// <para>Pure: the time is passed in, the owner locks. Addresses of one peer and source are merged; each has its own
/// expiry. Hints (gossip, DHT, mDNS) are bounded per peer and source, and so are the peers that are known from hints
/// or past connections alone: the least recently updated one goes first.</para>
/// <para>Resolving: a path that works or worked lately, then by source. Expired addresses are invisible at once and
/// removed when their peer is touched or by a sweep, at the first change 30 s after the last one, and every
/// <see cref="SweepEvery"/> changes.</para>
/// </remarks>
internal sealed class AddressBook
{
    /// <summary>UDP addresses kept per peer and source for hints; a relay beside them.</summary>
    internal const int MaxHintAddresses = 16;

    /// <summary>UDP addresses kept per peer and source otherwise: more cannot be tried.</summary>
    internal const int MaxAddresses = 32;

    /// <summary>Addresses tried per peer (spec/reliability.md §12.1).</summary>
    internal const int MaxResolved = 32;

    /// <summary>Peers known from hints and past connections alone.</summary>
    internal const int MaxHintPeers = 10_000;

    /// <summary>Changes between two sweeps.</summary>
    internal const int SweepEvery = 4096;

    private const int Path = -1;

    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Never = TimeSpan.MaxValue;
    private static readonly TimeSpan AfterCatalog = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan AfterConnection = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan GossipLifetime = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan LongestMdns = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan DhtLifetime = TimeSpan.FromSeconds(600);

    private readonly Dictionary<PeerId, Peer> _peers = [];
    private readonly LinkedList<PeerId> _hintPeers = [];
    private TimeSpan _sweptAt;
    private int _changes;

    /// <summary>Peers with at least one address, expired ones that were not swept yet included.</summary>
    public int Count => _peers.Count;

    /// <summary>Merges addresses from a source. Custom ones cannot be dialled and are left out.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="source">Not <see cref="AddressSource.Signed"/> or <see cref="AddressSource.Inbound"/>.</param>
    /// <param name="addresses">The addresses.</param>
    /// <param name="now">The monotonic time.</param>
    /// <param name="announced">For mDNS: the lifetime that was announced.</param>
    public void Add(
        PeerId peer,
        AddressSource source,
        IEnumerable<TransportAddress> addresses,
        TimeSpan now,
        TimeSpan? announced = null)
    {
        var expiry = source switch
        {
            AddressSource.Explicit => Never,
            AddressSource.Mdns => now + Min(announced ?? LongestMdns, LongestMdns),
            AddressSource.Gossip => now + GossipLifetime,
            AddressSource.Dht => now + DhtLifetime,
            _ => throw new ArgumentOutOfRangeException(nameof(source)),
        };
        Peer? entry = null;
        foreach (var address in addresses)
        {
            if (!IsUsable(address))
                continue;
            entry ??= GetOrAdd(peer);
            Put(entry, (int)source, address, expiry, now);
        }

        if (entry is not null)
            OnChanged(peer, entry, now);
    }

    /// <summary>
    /// The catalog holds an entry of the peer with these addresses: others from there begin to expire.
    /// </summary>
    public void SetSigned(PeerId peer, IEnumerable<TransportAddress> addresses, TimeSpan now)
    {
        var entry = GetOrAdd(peer);
        ExpireSigned(entry, now);
        foreach (var address in addresses)
        {
            if (IsUsable(address))
                Put(entry, (int)AddressSource.Signed, address, Never, now);
        }

        OnChanged(peer, entry, now);
    }

    /// <summary>The catalog no longer holds an entry of the peer.</summary>
    public void RemoveSigned(PeerId peer, TimeSpan now)
    {
        if (!_peers.TryGetValue(peer, out var entry))
            return;
        ExpireSigned(entry, now);
        OnChanged(peer, entry, now);
    }

    /// <summary>
    /// Where a peer was by its last entry, which the catalog may no longer hold: somebody looks for it. As if the
    /// catalog had lost the entry just now.
    /// </summary>
    public void Recall(PeerId peer, IEnumerable<TransportAddress> addresses, TimeSpan now)
    {
        var entry = GetOrAdd(peer);
        foreach (var address in addresses)
        {
            const int source = (int)AddressSource.Signed;
            if (IsUsable(address) && !entry.Items.Exists(i => i.Source == source && i.Address == address && i.Expiry == Never))
                Put(entry, source, address, now + AfterCatalog, now);
        }

        OnChanged(peer, entry, now);
    }

    /// <summary>A connection with the peer exists over this address.</summary>
    public void OnConnected(PeerId peer, IPEndPoint endPoint, bool isDialler, TimeSpan now)
    {
        var entry = GetOrAdd(peer);
        var item = Put(entry, SourceOf(isDialler), new TransportAddress.Ip(endPoint), now + AfterConnection, now);
        item.Open++;
        OnChanged(peer, entry, now);
    }

    /// <summary>The connection has ended.</summary>
    public void OnDisconnected(PeerId peer, IPEndPoint endPoint, bool isDialler, TimeSpan now)
    {
        if (!_peers.TryGetValue(peer, out var entry))
            return;
        var address = new TransportAddress.Ip(endPoint);
        var item = entry.Items.Find(i => i.Source == SourceOf(isDialler) && i.Address == address);
        if (item is null || item.Open == 0)
            return;
        item.Open--;
        item.Expiry = now + AfterConnection;
        OnChanged(peer, entry, now);
    }

    /// <summary>Where the peer may be, the best address first, at most <see cref="MaxResolved"/>.</summary>
    public IReadOnlyList<TransportAddress> Resolve(PeerId peer, TimeSpan now)
    {
        if (!_peers.TryGetValue(peer, out var entry))
            return [];
        return [.. entry.Items
            .Where(i => i.IsAlive(now))
            .OrderBy(static i => i.Source == Path || i.Open > 0 ? Path : i.Source)
            .ThenByDescending(static i => i.Updated)
            .Select(static i => i.Address)
            .Distinct()
            .Take(MaxResolved)];
    }

    private static int SourceOf(bool isDialler) => isDialler ? Path : (int)AddressSource.Inbound;

    private static bool IsHint(int source) =>
        source is (int)AddressSource.Mdns or (int)AddressSource.Gossip or (int)AddressSource.Dht;

    private static bool IsUsable(TransportAddress address) => address switch
    {
        TransportAddress.Ip ip => ip.Port != 0 && !ip.Address.Equals(IPAddress.Any) && !ip.Address.Equals(IPAddress.IPv6Any),
        TransportAddress.Relay => true,
        _ => false,
    };

    private static TimeSpan Min(TimeSpan x, TimeSpan y) => x < y ? x : y;

    private static Item Put(Peer entry, int source, TransportAddress address, TimeSpan expiry, TimeSpan now)
    {
        var item = entry.Items.Find(i => i.Source == source && i.Address == address);
        if (item is null)
        {
            item = new Item(source, address);
            entry.Items.Add(item);
            Trim(entry, source, address is TransportAddress.Relay);
        }

        item.Expiry = expiry;
        item.Updated = now;
        return item;
    }

    /// <summary>Drops the oldest of a source above its limit; of relays only the newest is kept.</summary>
    private static void Trim(Peer entry, int source, bool relays)
    {
        var limit = relays ? 1 : IsHint(source) ? MaxHintAddresses : MaxAddresses;
        if (relays && !IsHint(source))
            limit = MaxAddresses;
        while (true)
        {
            Item? oldest = null;
            var count = 0;
            for (var i = 0; i < entry.Items.Count - 1; i++) // the last one is the new one
            {
                var item = entry.Items[i];
                if (item.Source != source || item.Address is TransportAddress.Relay != relays)
                    continue;
                count++;
                if (item.Open == 0 && (oldest is null || item.Updated < oldest.Updated))
                    oldest = item;
            }

            if (count < limit || oldest is null)
                return;
            entry.Items.Remove(oldest);
        }
    }

    private static void ExpireSigned(Peer entry, TimeSpan now)
    {
        foreach (var item in entry.Items)
        {
            if (item.Source == (int)AddressSource.Signed && item.Expiry == Never)
                item.Expiry = now + AfterCatalog;
        }
    }

    private Peer GetOrAdd(PeerId peer)
    {
        if (!_peers.TryGetValue(peer, out var entry))
            _peers[peer] = entry = new Peer();
        return entry;
    }

    /// <summary>Keeps the order of the peers that may be dropped, and drops what is too much or expired.</summary>
    private void OnChanged(PeerId peer, Peer entry, TimeSpan now)
    {
        if (!Settle(peer, entry, now))
            return;
        if (entry.Hint is not null)
        {
            _hintPeers.Remove(entry.Hint);
            _hintPeers.AddLast(entry.Hint);
        }

        while (_hintPeers.Count > MaxHintPeers)
            Remove(_hintPeers.First!.Value); // not empty
        if (++_changes < SweepEvery && now - _sweptAt < SweepInterval)
            return;
        _changes = 0;
        _sweptAt = now;
        foreach (var (other, its) in _peers.ToArray())
            Settle(other, its, now);
    }

    /// <summary>Removes expired addresses; false if nothing is left of the peer.</summary>
    private bool Settle(PeerId peer, Peer entry, TimeSpan now)
    {
        entry.Items.RemoveAll(i => !i.IsAlive(now));
        if (entry.Items.Count == 0)
        {
            Remove(peer);
            return false;
        }

        var isHint = entry.Items.TrueForAll(static i => i.Open == 0 && i.Expiry != Never);
        if (isHint && entry.Hint is null)
            entry.Hint = _hintPeers.AddLast(peer);
        else if (!isHint && entry.Hint is not null)
        {
            _hintPeers.Remove(entry.Hint);
            entry.Hint = null;
        }

        return true;
    }

    private void Remove(PeerId peer)
    {
        if (_peers.Remove(peer, out var entry) && entry.Hint is not null)
            _hintPeers.Remove(entry.Hint);
    }

    private sealed class Peer
    {
        public List<Item> Items { get; } = new(1);

        /// <summary>The place among peers that may be dropped; null for others.</summary>
        public LinkedListNode<PeerId>? Hint { get; set; }
    }

    private sealed class Item(int source, TransportAddress address)
    {
        public int Source { get; } = source;

        public TransportAddress Address { get; } = address;

        public TimeSpan Expiry { get; set; }

        public TimeSpan Updated { get; set; }

        /// <summary>Connections that use it now.</summary>
        public int Open { get; set; }

        public bool IsAlive(TimeSpan now) => Open > 0 || now < Expiry;
    }
}
