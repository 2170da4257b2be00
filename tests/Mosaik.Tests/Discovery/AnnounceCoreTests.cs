using Mosaik.Discovery;
using Mosaik.Primitives;

namespace Mosaik.Tests.Discovery;

/// <summary>When the own entry is announced, and whom gossip joins (spec/discovery.md §8.2, §8.3, §8.5, §8.6).</summary>
public sealed class AnnounceCoreTests
{
    private const long Epoch = 1_760_000_000_000;

    private static readonly DiscoveryOptions Options = new() { BootstrapPeers = [Id(1001), Id(1002)] };

    private readonly AnnounceCore _core = new(Options, new SeededRandom(7));
    private readonly List<PeerId> _catalog = [];
    private long _nowMs;

    private static PeerId Id(int peer) => PeerId.FromRawUnchecked(UniqueId.FromInt32(peer).AsSpan());

    private DiscoveryTime Now => new(Epoch + _nowMs, TimeSpan.FromMilliseconds(_nowMs));

    private static PeerVersion Version(long update) => new(Epoch, Epoch + update);

    private void At(long nowMs) => _nowMs = nowMs;

    /// <summary>What is to be done since the last call, as text.</summary>
    private string Take()
    {
        _core.HandleTimeout(Now, () => [.. _catalog]);
        AnnounceEffects effects = _core.Effects;
        string[] all =
        [
            .. effects.Announce ? ["announce"] : Array.Empty<string>(),
            .. effects.Restamp ? ["restamp"] : Array.Empty<string>(),
            .. effects.Joins.Count > 0 ? [$"join {effects.Joins.Count}"] : Array.Empty<string>(),
            .. effects.Observed.Count > 0 ? [$"observe {effects.Observed.Count}"] : Array.Empty<string>(),
            .. effects.Refreshes.Count > 0 ? [$"refresh {effects.Refreshes.Count}"] : Array.Empty<string>(),
        ];
        effects.Clear();
        return string.Join(", ", all);
    }

    private void Online(bool withNeighbour = true)
    {
        _core.OnPublished(Version(0), false, Now);
        _core.OnSubscribed(Now);
        Take();
        if (!withNeighbour)
            return;
        _core.OnNeighbourUp(Id(1), true, Now);
        Assert.Equal("announce", Take());
    }

    [Fact]
    public void A_published_version_is_announced_once()
    {
        Online();
        At(1000);
        _core.OnPublished(Version(1000), false, Now);
        Assert.Equal("announce", Take());
        _core.OnPublished(Version(1000), false, Now);
        Assert.Equal("", Take());
        Assert.Null(_core.NextDue);
    }

    [Fact]
    public void Fix_14_without_neighbours_only_the_fact_waits_and_the_first_one_hears_the_latest()
    {
        Online(withNeighbour: false);
        for (int i = 1; i <= 50; i++)
        {
            At(i * 20);
            _core.OnPublished(Version(i * 20), false, Now);
            Assert.DoesNotContain("announce", Take());
        }
        _core.OnNeighbourUp(Id(1), true, Now);
        Assert.Equal("announce", Take());
        At(2000);
        Assert.Equal("", Take());
    }

    [Theory]
    [InlineData(5000, "announce")]
    [InlineData(5001, "restamp")]
    public void Fix_7_a_new_neighbour_gets_the_same_bytes_up_to_half_the_drift(long age, string expected)
    {
        Online();
        At(age);
        _core.OnNeighbourUp(Id(2), true, Now);
        Assert.Equal(expected, Take());
    }

    [Fact]
    public void A_refresh_that_is_under_way_is_asked_for_once_and_then_announced()
    {
        Online();
        At(8000);
        _core.OnNeighbourUp(Id(2), true, Now);
        Assert.Equal("restamp", Take());
        At(8001);
        _core.OnNeighbourUp(Id(3), true, Now);
        Assert.Equal("", Take());
        _core.OnPublished(Version(8001), false, Now);
        Assert.Equal("announce", Take());
        At(8500);
        Assert.Equal("", Take());
        At(20_000);
        _core.OnNeighbourUp(Id(4), true, Now);
        Assert.Equal("restamp", Take());
    }

    [Fact]
    public void Neighbours_within_100_ms_of_an_announcement_share_one_more()
    {
        Online();
        for (int i = 2; i < 5; i++)
        {
            At(i * 20);
            _core.OnNeighbourUp(Id(i), true, Now);
            Assert.Equal("", Take());
        }
        Assert.Equal(100, _core.NextDue!.Value.TotalMilliseconds);
        At(99);
        Assert.Equal("", Take());
        At(100);
        Assert.Equal("announce", Take());
        At(1000);
        Assert.Equal("", Take());
    }

    [Fact]
    public void A_change_within_the_window_serves_the_neighbours_that_wait()
    {
        Online();
        At(20);
        _core.OnNeighbourUp(Id(2), true, Now);
        At(50);
        _core.OnPublished(Version(50), false, Now);
        Assert.Equal("announce", Take());
        At(100);
        Assert.Equal("", Take());
        At(150);
        Assert.Equal("", Take());
    }

    [Fact]
    public void A_neighbour_without_entry_is_synced_with()
    {
        Online();
        At(500);
        _core.OnNeighbourUp(Id(2), false, Now);
        Assert.Equal("announce, observe 1", Take());
        _core.OnNeighbourUp(Id(2), false, Now); // told again
        Assert.Equal("", Take());
    }

    [Fact]
    public void Joining_goes_on_after_2_s_to_60_s_until_there_is_a_neighbour()
    {
        _catalog.AddRange(Enumerable.Range(1, 100).Select(Id));
        _core.OnPublished(Version(0), false, Now);
        _core.OnSubscribed(Now);
        Assert.Equal("join 18", Take()); // two bootstrap peers and 16 others
        foreach (double mean in new double[] { 2, 4, 8, 16, 32, 60, 60 })
        {
            long due = (long)Math.Ceiling(_core.NextDue!.Value.TotalMilliseconds);
            Assert.InRange((due - _nowMs) / 1000.0, mean * 0.8, (mean * 1.2) + 0.001);
            At(due - 1);
            Assert.Equal("", Take());
            At(due);
            Assert.Equal("join 18", Take());
        }
        _core.OnNeighbourUp(Id(1), true, Now);
        Assert.DoesNotContain("join", Take());
        Assert.Null(_core.NextDue);
        At(_nowMs + 1000);
        _core.OnNeighbourDown(Id(1), Now);
        At(_nowMs + 499);
        Assert.Equal("", Take()); // gossip asks whom it has in reserve
        At(_nowMs + 1);
        Assert.Equal("join 18", Take());
        Assert.InRange(_core.NextDue!.Value.TotalMilliseconds - _nowMs, 1600, 2400);
    }

    [Fact]
    public void A_changed_address_starts_joining_over()
    {
        Online(withNeighbour: false);
        for (int i = 0; i < 5; i++)
        {
            At((long)Math.Ceiling(_core.NextDue!.Value.TotalMilliseconds));
            Assert.Equal("join 2", Take());
        }
        At(_nowMs + 100);
        _core.OnCircumstancesChanged(Now);
        Assert.Equal("join 2", Take());
        Assert.InRange(_core.NextDue!.Value.TotalMilliseconds - _nowMs, 1600, 2400);
    }

    [Fact]
    public void A_newly_observed_peer_is_joined_at_once_while_alone_and_only_then()
    {
        Online(withNeighbour: false);
        for (int i = 0; i < 6; i++)
        {
            At((long)Math.Ceiling(_core.NextDue!.Value.TotalMilliseconds));
            Take();
        }
        _core.OnObserved(Id(5), Now);
        _core.OnObserved(Id(5), Now);
        Assert.Equal("join 1", Take());
        Assert.InRange(_core.NextDue!.Value.TotalMilliseconds - _nowMs, 1600, 2400);
        for (int i = 10; i < 1000; i++)
            _core.OnObserved(Id(i), Now);
        Assert.Equal("join 2", Take()); // the others have their chance in the next round
        At((long)Math.Ceiling(_core.NextDue!.Value.TotalMilliseconds));
        Take();
        Assert.InRange(_core.NextDue!.Value.TotalMilliseconds - _nowMs, 3200, 4800);
        _core.OnNeighbourUp(Id(5), true, Now);
        Take();
        _core.OnObserved(Id(6), Now);
        Assert.Equal("", Take());
        _core.OnDialled([Id(7), Id(8)]);
        Assert.Equal("join 2", Take());
    }

    [Fact]
    public void A_bootstrap_peer_that_was_missed_is_joined_when_it_is_reached_again()
    {
        Online();
        _core.OnReached(Id(1001), Now);
        Assert.Equal("", Take()); // nothing was wrong
        _core.OnMissed(Id(1001));
        _core.OnMissed(Id(5)); // no bootstrap peer
        _core.OnReached(Id(1001), Now);
        _core.OnReached(Id(5), Now);
        Assert.Equal("join 1", Take());
        _core.OnReached(Id(1001), Now);
        Assert.Equal("", Take());
    }

    [Fact]
    public void A_lag_is_made_up_for_by_one_sync_or_by_joining()
    {
        Online();
        At(1000);
        _core.OnLagged([Id(1), Id(2)], _ => true, Now);
        Assert.Equal("announce, refresh 1", Take());
        Assert.Equal(2, _core.NeighbourCount);
        _core.OnLagged([], _ => true, Now);
        Assert.Equal("join 2", Take());
        Assert.True(_core.IsAlone);
    }

    [Fact]
    public void Fix_5_an_oversized_entry_is_never_announced_and_neighbours_are_synced_with()
    {
        Online();
        _core.OnNeighbourUp(Id(2), true, Now);
        At(1000);
        Assert.Equal("announce", Take());
        _core.OnPublished(Version(1000), true, Now);
        Assert.Equal("refresh 2", Take());
        At(2000);
        _core.OnNeighbourUp(Id(3), true, Now);
        Assert.Equal("refresh 1", Take());
        At(20_000);
        _core.OnPublished(Version(20_000), true, Now);
        Assert.Equal("refresh 3", Take());
        _core.OnPublished(Version(20_001), false, Now);
        Assert.Equal("announce", Take());
    }

    [Fact]
    public void Nothing_is_announced_after_the_farewell()
    {
        Online();
        At(1000);
        _core.Leave();
        _core.OnPublished(Version(1000), false, Now);
        _core.OnNeighbourUp(Id(2), true, Now);
        _core.OnDialled([Id(3)]);
        Assert.Equal("", Take());
        _core.OnNeighbourDown(Id(2), Now);
        _core.OnNeighbourDown(Id(1), Now);
        At(100_000);
        Assert.Equal("", Take());
        Assert.Null(_core.NextDue);
    }

    [Fact]
    public void A_topic_that_is_subscribed_anew_has_no_neighbours_yet()
    {
        Online();
        At(1000);
        _core.OnSubscribed(Now);
        Assert.True(_core.IsAlone);
        Assert.Equal("join 2", Take());
        _core.OnNeighbourUp(Id(1), true, Now);
        Assert.Equal("announce", Take());
    }
}
