using System.Net;
using Mosaik.Discovery;
using Mosaik.Primitives;
using Mosaik.Testing;

namespace Mosaik.Tests.Discovery;

/// <summary>Peers that went without a word are looked for, and found when they are back.</summary>
public sealed class MissingPeersTests
{
    private const long Now = 1_760_000_000_000;

    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private static DiscoveryOptions Defaults { get; } = new() { RttProbe = RttProbe.Never };

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);

    private static bool TryAdd(MissingPeers missing, int peer, double seconds, out PeerId? evicted) =>
        missing.TryAdd(TestEntries.MakeUnsigned(peer, Now, Now), At(seconds), out evicted);

    [Fact]
    public void Only_a_newer_version_shows_that_a_peer_is_back()
    {
        var missing = new MissingPeers();
        PeerId id = TestEntries.Key(1).PeerId;
        Assert.True(TryAdd(missing, 1, 0, out _));
        Assert.False(TryAdd(missing, 1, 1, out _));
        Assert.False(missing.TryFind(id, new PeerVersion(Now, Now), isFirstHand: true, At(100)));
        Assert.False(missing.TryFind(TestEntries.Key(2).PeerId, new PeerVersion(Now, Now + 1), isFirstHand: true, At(100)));
        Assert.False(missing.TryFind(id, new PeerVersion(Now, Now + 1), isFirstHand: false, At(4.9))); // from before it was missed
        Assert.True(missing.TryFind(id, new PeerVersion(Now, Now + 1), isFirstHand: false, At(5)));
        Assert.False(missing.Contains(id));
        TryAdd(missing, 1, 10, out _);
        Assert.True(missing.TryFind(id, new PeerVersion(Now, Now + 1), isFirstHand: true, At(10)));
    }

    [Fact]
    public void They_are_64_at_most_and_forgotten_after_an_hour()
    {
        var missing = new MissingPeers();
        for (int i = 0; i < MissingPeers.MaxPeers; i++)
        {
            Assert.True(TryAdd(missing, i, i, out PeerId? none));
            Assert.Null(none);
        }
        Assert.True(TryAdd(missing, 100, 1000, out PeerId? first));
        Assert.Equal(TestEntries.Key(0).PeerId, first);
        Assert.Equal(MissingPeers.MaxPeers, missing.Ids.Count);
        Assert.Equal([TestEntries.Key(1).PeerId], missing.TakeExpired(MissingPeers.Lifetime + At(1)));
        Assert.Equal(MissingPeers.MaxPeers - 1, missing.Ids.Count);
    }

    [Fact]
    public void A_clock_put_forward_is_noticed_and_a_fast_one_is_not()
    {
        var watch = new WallClockWatch(At(10));
        Assert.False(watch.IsPutForward(new DiscoveryTime(Now, At(0))));
        for (int i = 1; i <= 1000; i++)
            Assert.False(watch.IsPutForward(new DiscoveryTime(Now + (i * 15_750), At(i * 15)))); // 5 % too fast
        Assert.False(watch.IsPutForward(new DiscoveryTime(Now, At(15_000)))); // set back
        Assert.False(watch.IsPutForward(new DiscoveryTime(Now + 10_000, At(15_000))));
        Assert.True(watch.IsPutForward(new DiscoveryTime(Now + 20_001, At(15_000))));
        Assert.False(watch.IsPutForward(new DiscoveryTime(Now + 20_002, At(15_000))));
    }

    [Theory]
    [InlineData(1, 100)]
    [InlineData(2, 600)]
    [InlineData(3, 2000)]
    public void Two_that_only_know_each_other_meet_again_after_a_cut(ulong seed, double cutSeconds) => Run(seed, async world =>
    {
        Network a = await world.StartAsync(Defaults), b = await world.StartAsync(Defaults);
        await a.SyncWithAsync(b.Local.Address);
        await world.DelayAsync(60 * Second);
        world.Transports.Links.Partition([AddressOf(a)], [AddressOf(b)]);
        await world.DelayAsync(cutSeconds * Second);
        if (cutSeconds > 330)
            Assert.Equal(0, a.Discovery.Catalog.SignedPeersCount + b.Discovery.Catalog.SignedPeersCount);
        world.Transports.Links.Heal();
        await world.UntilAsync(
            () => KnowEachOther(a, b) && a.Discovery.Driver.Neighbours.Count == 1 && b.Discovery.Driver.Neighbours.Count == 1,
            85 * Second, "the two are neighbours again"); // the longest backoff, and a dial of 10 s
    });

    [Fact]
    public void Who_starts_anew_and_knows_nobody_is_found() => Run(4, async world =>
    {
        // Nobody is told of b, which is told of nobody once it has been killed.
        Network a = await world.StartAsync(Defaults);
        Network c = await world.StartAsync(Defaults with { BootstrapPeers = [a.Local.Address] });
        IPEndPoint at = new(new IPAddress([10, 3, 0, 1]), 4433);
        SecretKey key = TestEntries.Key(7);
        Network b = await StartAsync(Defaults with { BootstrapPeers = [a.Local.Address] });
        await world.UntilAsync(() => KnowEachOther(a, b) && KnowEachOther(b, c), 10 * Second, "all know all");
        await world.DelayAsync(60 * Second);
        world.Transports.Crash(at.Address);
        b.Abort();
        await b.DisposeAsync();
        await world.DelayAsync(20 * Second);
        b = await StartAsync(Defaults);
        await world.UntilAsync(() => KnowEachOther(a, b) && KnowEachOther(b, c), 60 * Second, "all know all, and the new run");

        Task<Network> StartAsync(DiscoveryOptions options) =>
            world.StartAsync(options, key: key, configure: o => o with { BindAddresses = [at] });
    });

    [Fact]
    public void Who_was_started_under_a_clock_before_its_farewell_begins_anew_when_it_is_put_right() => Run(5, async world =>
    {
        Network a = await world.StartAsync(Defaults);
        SecretKey key = TestEntries.Key(7);
        SimulationClock clock = world.Scheduler.CreateClock(1, TimeSpan.Zero);
        DiscoveryOptions options = Defaults with { BootstrapPeers = [a.Local.Address] };
        Network b = await world.StartAsync(options, key: key, clock: clock);
        await world.UntilAsync(() => KnowEachOther(a, b), 10 * Second, "both know each other");
        await b.DisposeAsync();
        clock.WallOffset -= 600 * Second;
        b = await world.StartAsync(options, key: key, clock: clock);
        await world.DelayAsync(20 * Second);
        Assert.Equal(0, a.Discovery.Catalog.SignedPeersCount);
        clock.WallOffset = TimeSpan.Zero;
        await world.UntilAsync(() => KnowEachOther(a, b), 60 * Second, "both know each other, long before the farewell is forgotten");
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Who_has_said_goodbye_is_not_looked_for(bool saysGoodbye)
    {
        var core = new DiscoveryCore("my-app", TestEntries.Key(0).PeerId, Defaults, new SeededRandom(1), announces: true);
        SecretKey key = TestEntries.Key(1);
        DiscoveryTime at = Time(0);
        core.GoOnline(at);
        core.Offer([TestEntries.Make(1, Now, Now)], default, EntrySource.Gossip, at);
        core.HandleTimeout(at = Time(1)); // announcements had their time
        core.OnSyncFinished(Assert.Single(core.Effects.Syncs), SyncOutcome.Succeeded, at);
        core.Effects.Clear();
        core.OnConnectionLost(key.PeerId, Time(10));
        core.OnSyncFinished(Assert.Single(core.Effects.Syncs), SyncOutcome.Failed, Time(10));
        core.Effects.Clear();
        if (saysGoodbye)
            core.Depart(Departure.Sign(key, new PeerVersion(Now, Now + 11), DateTimeOffset.FromUnixTimeMilliseconds(Now + 11_000)), Time(11));
        int attempts = 0;
        for (double t = 11; t < 1000; t++)
        {
            core.HandleTimeout(Time(t));
            foreach (SyncStart start in core.Effects.Syncs.ToArray())
            {
                attempts++;
                Assert.Contains(core.Effects.Recalled, address => address.Id == key.PeerId);
                core.OnSyncFinished(start, SyncOutcome.Failed, Time(t));
            }
            core.Effects.Clear();
        }
        Assert.InRange(attempts, saysGoodbye ? 0 : 15, saysGoodbye ? 0 : 30); // 2, 4, 8, 16, 32, 60, 60 ... seconds

        static DiscoveryTime Time(double seconds) => new(Now + (long)(seconds * 1000), At(seconds));
    }

    private static bool KnowEachOther(Network a, Network b) =>
        a.Discovery.Catalog.GetSigned(b.Local.Id)?.Version.Start == b.Discovery.Me.Version.Start
        && b.Discovery.Catalog.GetSigned(a.Local.Id)?.Version.Start == a.Discovery.Me.Version.Start;

    private static IPAddress AddressOf(Network node) =>
        node.Local.Address.Addresses.OfType<TransportAddress.Ip>().First().Address;

    private static void Run(ulong seed, Func<DiscoveryWorld, Task> scenario)
    {
        using var world = new DiscoveryWorld(seed);
        world.Run(() => scenario(world));
    }
}
