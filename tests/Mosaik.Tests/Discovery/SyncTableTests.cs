using Mosaik.Discovery;
using Mosaik.Primitives;

namespace Mosaik.Tests.Discovery;

/// <summary>When to sync with whom (spec/discovery.md §11).</summary>
public sealed class SyncTableTests
{
    private static readonly TimeSpan Persist = TimeSpan.FromSeconds(300);

    private readonly SyncTable _table = new(new SeededRandom(1), refreshAfter: null);

    public SyncTableTests()
    {
        // The first newcomer was long ago: those of the tests are not waited for.
        Observe(-1, SyncReason.Learnt, -100);
        _table.Forget(Id(-1));
        Assert.Empty(Due(-100));
    }

    private static PeerId Id(int peer) => PeerId.FromRawUnchecked(UniqueId.FromInt32(peer).AsSpan());

    private List<SyncStart> Due(double seconds, bool fresh = true)
    {
        var starts = new List<SyncStart>();
        _table.TakeDue(TimeSpan.FromSeconds(seconds), _ => fresh, starts);
        return starts;
    }

    private void Observe(int peer, SyncReason reason, double seconds = 0) =>
        _table.Observe(Id(peer), reason, TimeSpan.FromSeconds(seconds), Persist);

    private void Lose(int peer, double seconds) => _table.OnConnectionLost(Id(peer), TimeSpan.FromSeconds(seconds));

    private void Finish(SyncStart start, SyncOutcome outcome, double seconds) =>
        _table.OnFinished(start.SyncId, outcome, TimeSpan.FromSeconds(seconds));

    [Fact]
    public void A_peer_seen_for_the_first_time_is_synced_once()
    {
        Observe(1, SyncReason.Learnt);
        SyncStart start = Assert.Single(Due(0));
        Assert.True(start.IsNew);
        Observe(1, SyncReason.Learnt);
        Assert.Empty(Due(1));
        Finish(start, SyncOutcome.Succeeded, 1);
        Observe(1, SyncReason.Learnt, 2);
        Assert.Empty(Due(100));
        Assert.Null(_table.NextDue(TimeSpan.FromSeconds(100)));
        _table.Forget(Id(1));
        Observe(1, SyncReason.Learnt, 101);
        Assert.Single(Due(101));
    }

    [Fact]
    public void A_configured_peer_that_the_catalog_does_not_hold_is_looked_for_again()
    {
        Observe(1, SyncReason.Bootstrap);
        Observe(2, SyncReason.Dialled);
        foreach (SyncStart start in Due(0))
            Finish(start, SyncOutcome.Succeeded, 1);
        Assert.Empty(Due(30.9));
        Assert.Empty(Due(31.1)); // it is there
        Assert.Empty(Due(60, fresh: false));
        Assert.Equal(Id(1), Assert.Single(Due(61.2, fresh: false)).Peer);
    }

    [Fact]
    public void Peers_learnt_second_hand_are_paced_and_named_ones_are_not()
    {
        for (int i = 0; i < 60; i++)
            Observe(i, SyncReason.Learnt);
        for (int i = 100; i < 130; i++)
            Observe(i, SyncReason.Bootstrap);
        int started = 0, named = 0;
        var order = new List<PeerId>();
        void Drain(double seconds)
        {
            while (Due(seconds) is { Count: > 0 } starts)
            {
                Assert.InRange(_table.RunningBackground, 1, SyncTable.MaxBackground);
                foreach (SyncStart start in starts)
                {
                    named += start.Peer >= Id(100) && start.Peer < Id(130) ? 1 : 0;
                    started++;
                    order.Add(start.Peer);
                    _table.OnNews(start.SyncId);
                    Finish(start, SyncOutcome.Succeeded, seconds);
                }
            }
        }
        Drain(0);
        Assert.Equal(30, named);
        Assert.Equal(46, started); // and a burst of 16
        Assert.All(order.Take(30), id => Assert.True(id >= Id(100)));
        Assert.Equal(0.5, _table.NextDue(TimeSpan.Zero)!.Value.TotalSeconds, 6);
        Drain(5);
        Assert.Equal(56, started); // 2 per second
        Drain(100);
        Assert.Equal(72, started); // the bucket holds 16
        Drain(200);
        Drain(300);
        Assert.Equal(90, started);
        Assert.NotEqual(order.Skip(30).Order(), order.Skip(30)); // in random order
    }

    [Fact]
    public void An_inbound_sync_takes_the_peer_out_of_the_queue()
    {
        Observe(1, SyncReason.Learnt);
        _table.OnInbound(Id(1), TimeSpan.Zero);
        Assert.Empty(Due(0));
    }

    [Fact]
    public void Failures_back_off_from_one_second_to_sixty_while_the_peer_is_fresh()
    {
        Observe(1, SyncReason.Learnt);
        double now = 0;
        foreach (double mean in new double[] { 1, 2, 4, 8, 16, 32, 60, 60 })
        {
            SyncStart start = Assert.Single(Due(now));
            Finish(start, SyncOutcome.Failed, now);
            double due = _table.NextDue(TimeSpan.FromSeconds(now))!.Value.TotalSeconds - now;
            Assert.InRange(due, mean * 0.8, mean * 1.2);
            Assert.Empty(Due(now + due - 0.001));
            now += due + 0.000001; // not before it for want of digits
        }
        SyncStart last = Assert.Single(Due(now));
        Finish(last, SyncOutcome.Failed, now);
        Assert.Empty(Due(now + 100, fresh: false)); // gone from the catalog: given up
        Observe(1, SyncReason.Learnt, now + 100);
        Assert.Single(Due(now + 100));
    }

    [Fact]
    public void An_observation_brings_a_failed_peer_back_after_a_second()
    {
        Observe(1, SyncReason.Learnt);
        Finish(Assert.Single(Due(0)), SyncOutcome.Failed, 0);
        Observe(1, SyncReason.Learnt, 0.5);
        Assert.Empty(Due(0.5));
        Observe(1, SyncReason.Learnt, 1);
        Assert.Single(Due(1));
    }

    [Fact]
    public void Another_network_is_not_tried_again_by_itself()
    {
        Observe(1, SyncReason.Bootstrap);
        Finish(Assert.Single(Due(0)), SyncOutcome.DifferentNetwork, 0);
        Assert.Null(_table.NextDue(TimeSpan.FromSeconds(1)));
        Assert.Empty(Due(10_000));
        Observe(1, SyncReason.Dialled, 10_000);
        Assert.Single(Due(10_000));
    }

    [Fact]
    public void A_dialled_peer_is_tried_for_a_while_although_nothing_is_known_of_it()
    {
        Observe(1, SyncReason.Dialled);
        double now = 0;
        int attempts = 0;
        while (Due(now, fresh: false) is [var start])
        {
            attempts++;
            Finish(start, SyncOutcome.Failed, now);
            now = _table.NextDue(TimeSpan.FromSeconds(now))!.Value.TotalSeconds;
        }
        Assert.InRange(now, 300, 380);
        Assert.InRange(attempts, 7, 12);
    }

    [Fact]
    public void A_bootstrap_peer_is_looked_for_again_after_it_was_purged()
    {
        Observe(1, SyncReason.Bootstrap);
        Finish(Assert.Single(Due(0)), SyncOutcome.Succeeded, 0);
        _table.Forget(Id(1));
        Assert.Single(Due(1, fresh: false));
    }

    [Fact]
    public void A_configured_peer_is_synced_with_anew_when_a_connection_was_lost()
    {
        Observe(1, SyncReason.Bootstrap);
        Observe(2, SyncReason.Learnt);
        foreach (SyncStart start in Due(0))
            Finish(start, SyncOutcome.Succeeded, 0);
        Lose(2, 10);
        Lose(3, 10);
        Assert.Empty(Due(10));
        Lose(1, 10);
        Lose(1, 10);
        SyncStart again = Assert.Single(Due(10));
        Assert.Equal(Id(1), again.Peer);
        Lose(1, 10);
        Assert.Empty(Due(10)); // it is under way
        Finish(again, SyncOutcome.Succeeded, 10);

        Lose(1, 11);
        Assert.Equal(15, _table.NextDue(TimeSpan.FromSeconds(11))!.Value.TotalSeconds);
        Assert.Empty(Due(14.9)); // not more often than every 5 s
        again = Assert.Single(Due(15));
        Finish(again, SyncOutcome.Failed, 15);
        Lose(1, 15.5);
        Assert.Empty(Due(15.5)); // it has its backoff
        Lose(1, 16);
        Finish(Assert.Single(Due(16)), SyncOutcome.Succeeded, 16);
        Assert.Empty(Due(1000));
    }

    [Fact]
    public void A_peer_that_is_missed_is_looked_for_until_it_is_found()
    {
        Observe(1, SyncReason.Learnt);
        Finish(Assert.Single(Due(0)), SyncOutcome.Succeeded, 0);
        _table.LookFor(Id(1), TimeSpan.FromSeconds(10));
        double now = 10;
        foreach (double mean in new double[] { 2, 4, 8, 16, 32, 60, 60 })
        {
            Finish(Assert.Single(Due(now, fresh: false)), SyncOutcome.Failed, now);
            double due = _table.NextDue(TimeSpan.FromSeconds(now))!.Value.TotalSeconds - now;
            Assert.InRange(due, mean * 0.8, mean * 1.2);
            now += due + 0.001;
        }
        Finish(Assert.Single(Due(now, fresh: false)), SyncOutcome.Succeeded, now); // it has answered, and its entry was refused
        Assert.Empty(Due(now + 29));
        Finish(Assert.Single(Due(now + 30)), SyncOutcome.Succeeded, now + 30);
        _table.EndLookingFor(Id(1));
        Assert.Empty(Due(now + 1000));
    }

    [Fact]
    public void Four_that_are_missed_are_looked_for_at_once_and_named_ones_come_first()
    {
        for (int i = 1; i <= 10; i++)
        {
            Observe(i, SyncReason.Learnt);
            Finish(Assert.Single(Due(0)), SyncOutcome.Succeeded, 0);
        }
        for (int i = 1; i <= 10; i++)
            _table.LookFor(Id(i), TimeSpan.FromSeconds(10));
        Observe(11, SyncReason.Dialled, 10);
        List<SyncStart> starts = Due(10);
        Assert.Equal(SyncTable.MaxSeeking + 1, starts.Count);
        Assert.Equal(Id(11), starts[0].Peer);
        Finish(starts[1], SyncOutcome.Failed, 11);
        Assert.Single(Due(11));
        for (int i = 1; i <= 10; i++)
            _table.EndLookingFor(Id(i));
        foreach (SyncStart start in starts)
            Finish(start, SyncOutcome.Failed, 12);
        Assert.Empty(Due(12)); // who was in line has left it
    }

    [Fact]
    public void A_sync_in_either_direction_makes_up_for_a_lost_connection()
    {
        Observe(1, SyncReason.Bootstrap);
        Finish(Assert.Single(Due(0)), SyncOutcome.Succeeded, 0);
        Lose(1, 1);
        _table.OnInbound(Id(1), TimeSpan.FromSeconds(2));
        Assert.Empty(Due(100));
    }

    [Fact]
    public void A_dialled_peer_counts_as_configured_for_a_while()
    {
        Observe(1, SyncReason.Dialled);
        Finish(Assert.Single(Due(0)), SyncOutcome.Succeeded, 0);
        Lose(1, 299);
        Finish(Assert.Single(Due(299)), SyncOutcome.Succeeded, 299);
        Lose(1, 400);
        Assert.Empty(Due(400));
    }

    [Fact]
    public void Callers_join_a_sync_until_it_sends_and_at_most_two_run()
    {
        SyncStart first = _table.Request(Id(1))!.Value;
        Assert.True(first.IsNew);
        Assert.Equal(first with { IsNew = false }, _table.Request(Id(1)));
        _table.OnSnapshotSent(first.SyncId);
        SyncStart second = _table.Request(Id(1))!.Value;
        Assert.True(second.IsNew);
        Assert.Equal(second with { IsNew = false }, _table.Request(Id(1)));
        _table.OnSnapshotSent(second.SyncId);
        Assert.Null(_table.Request(Id(1)));
        Assert.True(_table.Request(Id(2))!.Value.IsNew);
        Finish(first, SyncOutcome.Succeeded, 1);
        Assert.True(_table.Request(Id(1))!.Value.IsNew);
    }

    [Fact]
    public void A_background_sync_is_joined_and_an_explicit_one_replaces_it()
    {
        Observe(1, SyncReason.Learnt);
        SyncStart background = Assert.Single(Due(0));
        Assert.Equal(background with { IsNew = false }, _table.Request(Id(1)));
        SyncStart wanted = _table.Request(Id(2))!.Value;
        Observe(2, SyncReason.Learnt);
        Assert.Empty(Due(0)); // the running one counts as the background sync
        Assert.Equal(2, _table.RunningBackground);
        Finish(wanted, SyncOutcome.Succeeded, 1);
        Finish(background, SyncOutcome.Succeeded, 1);
        Assert.Equal(0, _table.RunningBackground);
        Assert.Empty(Due(1000));
    }

    [Fact]
    public void A_synced_peer_is_refreshed_after_the_interval_in_whichever_direction()
    {
        var table = new SyncTable(new SeededRandom(1), refreshAfter: TimeSpan.FromSeconds(100));
        List<SyncStart> DueAt(double seconds, bool fresh = true)
        {
            var starts = new List<SyncStart>();
            table.TakeDue(TimeSpan.FromSeconds(seconds), _ => fresh, starts);
            return starts;
        }
        table.OnInbound(Id(1), TimeSpan.Zero);
        Assert.Empty(DueAt(99.9));
        table.OnInbound(Id(1), TimeSpan.FromSeconds(99.9));
        Assert.Empty(DueAt(199.8));
        SyncStart refresh = Assert.Single(DueAt(220));
        table.OnFinished(refresh.SyncId, SyncOutcome.Succeeded, TimeSpan.FromSeconds(220));
        Assert.Empty(DueAt(319.9));
        Assert.Empty(DueAt(340.1, fresh: false)); // gone meanwhile
        Assert.Empty(DueAt(1000));
    }

    [Fact]
    public void Refreshing_begins_and_ends_and_four_run_at_a_time_unpaced()
    {
        for (int i = 0; i < 50; i++)
            _table.OnInbound(Id(i), TimeSpan.FromSeconds(i));
        Assert.Empty(Due(1000));
        _table.SetRefreshInterval(TimeSpan.FromSeconds(100), TimeSpan.FromSeconds(1000)); // all of them are overdue
        var refreshed = new HashSet<PeerId>();
        while (Due(1030) is { Count: > 0 } starts)
        {
            Assert.InRange(starts.Count, 1, SyncTable.MaxRefreshing);
            foreach (SyncStart start in starts)
            {
                Assert.True(refreshed.Add(start.Peer));
                Finish(start, SyncOutcome.Succeeded, 1030);
            }
        }
        Assert.Equal(50, refreshed.Count);
        Assert.Empty(Due(1129.9));
        _table.SetRefreshInterval(null, TimeSpan.FromSeconds(1129.9));
        Assert.Empty(Due(2000));
        Assert.Equal(0, _table.RunningBackground);
    }

    [Fact]
    public void Few_slots_are_for_refreshing_and_the_others_stay_free()
    {
        _table.SetRefreshInterval(TimeSpan.FromSeconds(100), TimeSpan.Zero);
        for (int i = 0; i < 20; i++)
            _table.OnInbound(Id(i), TimeSpan.Zero);
        Assert.Equal(SyncTable.MaxRefreshing, Due(200).Count);
        Observe(100, SyncReason.Dialled, 200);
        Observe(101, SyncReason.Learnt, 200);
        Assert.Equal([Id(100), Id(101)], Due(200).Select(static s => s.Peer));
    }

    [Fact]
    public void A_refresh_on_demand_follows_a_sync_that_is_running()
    {
        Observe(1, SyncReason.Learnt);
        SyncStart first = Assert.Single(Due(0));
        _table.Refresh(Id(1), TimeSpan.Zero);
        _table.Refresh(Id(1), TimeSpan.Zero);
        Assert.Empty(Due(0));
        Finish(first, SyncOutcome.Succeeded, 1);
        SyncStart second = Assert.Single(Due(1));
        Finish(second, SyncOutcome.Succeeded, 2);
        Assert.Empty(Due(2));
        _table.Refresh(Id(1), TimeSpan.FromSeconds(3));
        _table.Refresh(Id(1), TimeSpan.FromSeconds(3));
        Assert.Single(Due(3));
        _table.Refresh(Id(2), TimeSpan.FromSeconds(3)); // never heard of
        Assert.Single(Due(3));
    }

    [Fact]
    public void Few_run_at_once_with_peers_learnt_second_hand_and_large_catalogs_cost_more()
    {
        _table.CatalogSize = 32;
        for (int i = 0; i < 20; i++)
            Observe(i, SyncReason.Learnt);
        _table.CatalogSize = 320; // ten tokens
        List<SyncStart> starts = Due(0);
        Assert.Equal(SyncTable.MaxLearning, starts.Count); // 16 tokens begin two
        foreach (SyncStart start in starts)
        {
            _table.OnNews(start.SyncId);
            Finish(start, SyncOutcome.Succeeded, 0);
        }
        Assert.Empty(Due(2.4)); // 4 are owed, and one is needed: 2.5 s
        Assert.Equal(2.5, _table.NextDue(TimeSpan.FromSeconds(2.4))!.Value.TotalSeconds, 6);
        Assert.Single(Due(2.6));
    }

    [Fact]
    public void After_three_that_brought_nobody_the_others_are_passed_over_until_somebody_is_heard_of()
    {
        for (int i = 0; i < 10; i++)
            Observe(i, SyncReason.Learnt);
        int started = 0;
        while (Due(0) is { Count: > 0 } starts)
        {
            started += starts.Count;
            foreach (SyncStart start in starts)
                Finish(start, SyncOutcome.Succeeded, 0);
        }
        Assert.InRange(started, LearntPeers.FruitlessUntilSettled, LearntPeers.FruitlessUntilSettled + SyncTable.MaxLearning);
        Assert.Empty(Due(1000));
        Observe(10, SyncReason.Learnt, 1000);
        Observe(11, SyncReason.Learnt, 1000);
        Observe(12, SyncReason.Learnt, 1000);
        SyncStart first = Due(1000)[0];
        _table.OnNews(first.SyncId); // there is more to hear of: the rest keeps its place
        Finish(first, SyncOutcome.Succeeded, 1000);
        Assert.Single(Due(1000));
        _table.SetRefreshInterval(TimeSpan.FromSeconds(100), TimeSpan.FromSeconds(1000)); // nobody announces us any more
        Assert.NotEmpty(Due(1030));
    }

    [Fact]
    public void Of_many_newcomers_a_few_are_drawn()
    {
        _table.CatalogSize = 1000;
        for (int i = 0; i < 1000; i++)
            Observe(i, SyncReason.Learnt);
        int started = 0;
        for (double now = 0; now < 2000; now += 16)
        {
            foreach (SyncStart start in Due(now))
            {
                started++;
                _table.OnNews(start.SyncId);
                Finish(start, SyncOutcome.Succeeded, now);
            }
        }
        Assert.InRange(started, 16, 64);
        for (int i = 2000; i < 2100; i++)
            Observe(i, SyncReason.Dialled, 2000);
        Assert.Equal(SyncTable.MaxBackground, Due(2000).Count); // named ones are not drawn by lot
    }

    [Theory]
    [InlineData(32, 0.3, 0.3)]
    [InlineData(33, 1, 3)]
    public void The_first_newcomers_are_left_to_announcements_for_a_while(int catalogSize, double least, double most)
    {
        for (ulong seed = 1; seed <= 10; seed++)
        {
            var table = new SyncTable(new SeededRandom(seed), refreshAfter: null) { CatalogSize = 1 };
            for (int i = 0; i < 10; i++)
                table.Observe(Id(i), SyncReason.Learnt, TimeSpan.FromSeconds(5), Persist);
            table.CatalogSize = catalogSize;
            Assert.Empty(Take(table, 5));
            double due = table.NextDue(TimeSpan.FromSeconds(5))!.Value.TotalSeconds - 5;
            Assert.InRange(due, least - 0.000001, most + 0.000001);
            Assert.Empty(Take(table, 5 + due - 0.001));
            Assert.Equal(SyncTable.MaxLearning, Take(table, 5 + due + 0.000001).Count);
            table.Observe(Id(99), SyncReason.Dialled, TimeSpan.FromSeconds(5), Persist); // named ones are not
            Assert.Single(Take(table, 5));
        }

        static List<SyncStart> Take(SyncTable table, double seconds)
        {
            var starts = new List<SyncStart>();
            table.TakeDue(TimeSpan.FromSeconds(seconds), static _ => true, starts);
            return starts;
        }
    }

    [Fact]
    public void A_new_neighbour_is_synced_with_when_its_announcement_does_not_come()
    {
        _table.CatalogSize = 1_000_000;
        for (int i = 1; i <= 3; i++)
            Observe(i, SyncReason.Neighbour);
        Assert.Empty(Due(0));
        Observe(1, SyncReason.Learnt, 0.1); // its entry came by gossip, as of anybody else
        Observe(2, SyncReason.Neighbour, 0.1); // once more
        Observe(3, SyncReason.Dialled, 0.1);
        Assert.Equal(Id(3), Assert.Single(Due(0.1)).Peer);
        Assert.Equal(0.5, _table.NextDue(TimeSpan.FromSeconds(0.1))!.Value.TotalSeconds);
        Assert.Empty(Due(0.499));
        Assert.Equal(Id(2), Assert.Single(Due(0.5, fresh: false)).Peer);

        // Where nobody announces it does not come by itself.
        var unannounced = new SyncTable(new SeededRandom(1), TimeSpan.FromSeconds(100));
        unannounced.Observe(Id(1), SyncReason.Neighbour, TimeSpan.Zero, TimeSpan.Zero);
        var starts = new List<SyncStart>();
        unannounced.TakeDue(TimeSpan.Zero, static _ => true, starts);
        Assert.Single(starts);
    }
}
