using System.Net;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Tests.Networking;

/// <summary>The address book: sources, lifetimes, limits, order (spec/wire.md §5.4).</summary>
public sealed class AddressBookTests
{
    private static readonly PeerId Alice = SecretKey.FromText("alice").PeerId;
    private readonly AddressBook _book = new();

    [Fact]
    public void Knows_nothing_of_a_stranger() => Assert.Empty(_book.Resolve(Alice, default));

    [Fact]
    public void Resolves_live_paths_first_and_then_by_source()
    {
        _book.Add(Alice, AddressSource.Dht, [Ip(6)], At(0));
        _book.Add(Alice, AddressSource.Gossip, [Ip(5)], At(0));
        _book.Add(Alice, AddressSource.Mdns, [Ip(4)], At(0));
        _book.OnConnected(Alice, Ip(3).ToEndPoint(), isDialler: false, At(0));
        _book.OnDisconnected(Alice, Ip(3).ToEndPoint(), isDialler: false, At(1));
        _book.SetSigned(Alice, [Ip(2)], At(0));
        _book.Add(Alice, AddressSource.Explicit, [Ip(1)], At(0));
        Assert.Equal([Ip(1), Ip(2), Ip(3), Ip(4), Ip(5), Ip(6)], _book.Resolve(Alice, At(2)));
        _book.OnConnected(Alice, Ip(6).ToEndPoint(), isDialler: true, At(2));
        Assert.Equal([Ip(6), Ip(1), Ip(2), Ip(3), Ip(4), Ip(5)], _book.Resolve(Alice, At(2)));
        _book.OnConnected(Alice, Ip(3).ToEndPoint(), isDialler: false, At(3));
        Assert.Equal([Ip(3), Ip(6)], _book.Resolve(Alice, At(3)).Take(2));
    }

    [Theory]
    [InlineData(AddressSource.Gossip, 300)]
    [InlineData(AddressSource.Dht, 600)]
    [InlineData(AddressSource.Mdns, 300)]
    internal void Hints_expire(AddressSource source, int seconds)
    {
        _book.Add(Alice, source, [Ip(1)], At(10));
        Assert.Single(_book.Resolve(Alice, At(10 + seconds - 0.001)));
        Assert.Empty(_book.Resolve(Alice, At(10 + seconds)));
        _book.Add(Alice, source, [Ip(1)], At(10));
        _book.Add(Alice, source, [Ip(1)], At(200)); // said again
        Assert.Single(_book.Resolve(Alice, At(200 + seconds - 0.001)));
    }

    [Fact]
    public void Recalled_addresses_are_those_of_an_entry_lost_just_now()
    {
        _book.SetSigned(Alice, [Ip(1)], At(0));
        _book.Recall(Alice, [Ip(1)], At(1)); // still held
        Assert.Single(_book.Resolve(Alice, At(10_000)));
        _book.RemoveSigned(Alice, At(10_000));
        Assert.Empty(_book.Resolve(Alice, At(10_300)));
        _book.Recall(Alice, [Ip(1)], At(20_000));
        Assert.Single(_book.Resolve(Alice, At(20_299)));
        Assert.Empty(_book.Resolve(Alice, At(20_300)));
    }

    [Fact]
    public void Mdns_lives_as_announced()
    {
        _book.Add(Alice, AddressSource.Mdns, [Ip(1)], At(0), TimeSpan.FromSeconds(20));
        Assert.Single(_book.Resolve(Alice, At(19)));
        Assert.Empty(_book.Resolve(Alice, At(20)));
        _book.Add(Alice, AddressSource.Mdns, [Ip(1)], At(0), TimeSpan.FromHours(1));
        Assert.Empty(_book.Resolve(Alice, At(300)));
    }

    [Fact]
    public void Explicit_addresses_do_not_expire()
    {
        _book.Add(Alice, AddressSource.Explicit, [Ip(1)], At(0));
        Assert.Single(_book.Resolve(Alice, TimeSpan.FromDays(1000)));
    }

    [Fact]
    public void Signed_addresses_live_while_in_the_catalog_and_five_minutes_more()
    {
        _book.SetSigned(Alice, [Ip(1), Ip(2)], At(0));
        Assert.Equal(2, _book.Resolve(Alice, TimeSpan.FromDays(10)).Count);
        _book.SetSigned(Alice, [Ip(2), Ip(3)], At(1000)); // an update without the first one
        Assert.Equal(3, _book.Resolve(Alice, At(1299)).Count);
        Assert.Equal([Ip(2), Ip(3)], _book.Resolve(Alice, At(1300)));
        _book.RemoveSigned(Alice, At(2000));
        Assert.Equal([Ip(2), Ip(3)], _book.Resolve(Alice, At(2299)));
        Assert.Empty(_book.Resolve(Alice, At(2300)));
    }

    [Fact]
    public void Connections_count_while_open_and_ten_minutes_more()
    {
        var endPoint = Ip(1).ToEndPoint();
        _book.OnConnected(Alice, endPoint, isDialler: false, At(0));
        _book.OnConnected(Alice, endPoint, isDialler: false, At(0));
        _book.OnDisconnected(Alice, endPoint, isDialler: false, At(1));
        Assert.Single(_book.Resolve(Alice, TimeSpan.FromDays(1))); // the other is still open
        _book.OnDisconnected(Alice, endPoint, isDialler: false, At(100));
        Assert.Single(_book.Resolve(Alice, At(699)));
        Assert.Empty(_book.Resolve(Alice, At(700)));
        _book.OnDisconnected(Alice, endPoint, isDialler: false, At(101)); // once too often
    }

    [Fact]
    public void A_new_relay_of_gossip_replaces_the_old_one()
    {
        _book.Add(Alice, AddressSource.Gossip, [new TransportAddress.Relay("https://a.example/")], At(0));
        _book.Add(Alice, AddressSource.Gossip, [new TransportAddress.Relay("https://b.example/"), Ip(1)], At(1));
        Assert.Equal(
            ["https://b.example/"],
            _book.Resolve(Alice, At(1)).OfType<TransportAddress.Relay>().Select(r => r.Url));
    }

    [Fact]
    public void Sixteen_addresses_per_hint_source_the_oldest_goes()
    {
        for (var i = 1; i <= 20; i++)
            _book.Add(Alice, AddressSource.Gossip, [Ip(i)], At(i));
        var known = _book.Resolve(Alice, At(20));
        Assert.Equal(16, known.Count);
        Assert.Equal(Enumerable.Range(5, 16).Select(Ip).Reverse(), known);
    }

    [Fact]
    public void At_most_thirty_two_addresses_are_tried()
    {
        foreach (var source in new[] { AddressSource.Explicit, AddressSource.Gossip, AddressSource.Dht })
            _book.Add(Alice, source, Enumerable.Range(1, 40).Select(i => Ip((100 * (int)source) + i)), At(0));
        Assert.Equal(32, _book.Resolve(Alice, At(0)).Count);
    }

    [Fact]
    public void Ten_thousand_peers_from_hints_the_least_recently_updated_goes()
    {
        _book.Add(Peer(-1), AddressSource.Explicit, [Ip(1)], At(0));
        _book.SetSigned(Peer(-2), [Ip(1)], At(0));
        for (var i = 0; i < AddressBook.MaxHintPeers; i++)
            _book.Add(Peer(i), AddressSource.Gossip, [Ip(1)], At(1));
        _book.Add(Peer(0), AddressSource.Gossip, [Ip(1)], At(2)); // no longer the oldest
        _book.Add(Peer(20_000), AddressSource.Dht, [Ip(1)], At(2));
        Assert.Equal(AddressBook.MaxHintPeers + 2, _book.Count);
        Assert.NotEmpty(_book.Resolve(Peer(0), At(2)));
        Assert.Empty(_book.Resolve(Peer(1), At(2)));
        Assert.NotEmpty(_book.Resolve(Peer(-1), At(2)));
        Assert.NotEmpty(_book.Resolve(Peer(-2), At(2)));
    }

    [Fact]
    public void A_peer_with_an_open_connection_is_not_dropped_for_hints()
    {
        _book.OnConnected(Peer(-1), Ip(1).ToEndPoint(), isDialler: false, At(0));
        for (var i = 0; i <= AddressBook.MaxHintPeers; i++)
            _book.Add(Peer(i), AddressSource.Gossip, [Ip(1)], At(1));
        Assert.NotEmpty(_book.Resolve(Peer(-1), At(1)));
    }

    [Fact]
    public void What_has_expired_is_swept()
    {
        for (var i = 0; i < 100; i++)
            _book.Add(Peer(i), AddressSource.Gossip, [Ip(1)], At(0));
        _book.Add(Alice, AddressSource.Explicit, [Ip(1)], At(299));
        Assert.Equal(101, _book.Count);
        _book.Add(Alice, AddressSource.Explicit, [Ip(2)], At(328)); // less than 30 s after the last sweep
        Assert.Equal(101, _book.Count);
        _book.Add(Alice, AddressSource.Explicit, [Ip(2)], At(329));
        Assert.Equal(1, _book.Count);
    }

    [Fact]
    public void What_has_expired_is_swept_after_many_changes_too()
    {
        for (var i = 0; i < 100; i++)
            _book.Add(Peer(i), AddressSource.Gossip, [Ip(1)], At(1));
        _book.Add(Alice, AddressSource.Explicit, [Ip(1)], At(300)); // sweeps, and finds nothing
        for (var i = 0; i < AddressBook.SweepEvery - 1; i++)
            _book.Add(Alice, AddressSource.Explicit, [Ip(1)], At(301));
        Assert.Equal(101, _book.Count);
        _book.Add(Alice, AddressSource.Explicit, [Ip(1)], At(301));
        Assert.Equal(1, _book.Count);
    }

    [Fact]
    public void What_cannot_be_dialled_is_left_out()
    {
        _book.Add(
            Alice,
            AddressSource.Gossip,
            [new TransportAddress.Ip(IPAddress.Any, 5), new TransportAddress.Ip(IPAddress.IPv6Any, 5), Ip(1) with { Port = 0 }],
            At(0));
        Assert.Empty(_book.Resolve(Alice, At(0)));
        Assert.Equal(0, _book.Count);
    }

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);

    private static TransportAddress.Ip Ip(int n) => new(new IPAddress([10, 0, (byte)(n >> 8), (byte)n]), 4000);

    private static PeerId Peer(int n)
    {
        Span<byte> raw = stackalloc byte[32];
        BitConverter.TryWriteBytes(raw, n);
        return PeerId.FromRawUnchecked(raw);
    }
}
