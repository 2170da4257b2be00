using Mosaik.Discovery;
using Mosaik.Primitives;

namespace Mosaik.Tests.Discovery;

/// <summary>The catalog as its owner works on it (spec/discovery.md §6, §12; spec/reliability.md §12.1, §13).</summary>
public sealed class CatalogStoreTests
{
    private const long Now = 1_760_000_000_000;

    private static readonly DiscoveryOptions Options = new();

    private static readonly PeerId Self = TestEntries.Key(0).PeerId;

    private static CatalogStore Store(DiscoveryOptions? options = null, int maxEntries = CatalogStore.MaxEntries) =>
        new(TestEntries.Network, Self, options ?? Options, maxEntries);

    private static PeerId Id(int peer) => TestEntries.Key(peer).PeerId;

    [Fact]
    public void An_unsigned_entry_becomes_signed_as_an_update()
    {
        CatalogStore store = Store();
        Assert.True(store.Insert(TestEntries.MakeUnsigned(1, 1, 1), Now)); // its own version does not matter
        Assert.Equal(UpsertResult.New, store.Upsert(TestEntries.Make(1, Now, Now), Now));
        store.Publish();
        Assert.Equal([PeerChangeKind.Added, PeerChangeKind.Updated], store.Changes.Select(c => c.Kind));
        Assert.Null(store.Changes[0].Signed);
        Assert.NotNull(store.Changes[1].Signed);
        Assert.Empty(store.State.Unsigned);
        Assert.Single(store.State.Signed);
        Assert.False(store.Insert(TestEntries.MakeUnsigned(1, Now, Now + 5), Now)); // a fresh signed entry is there
    }

    [Fact]
    public void Unsigned_entries_of_ourselves_and_of_other_networks_are_refused()
    {
        CatalogStore store = Store();
        Assert.False(store.Insert(TestEntries.MakeUnsigned(0, Now, Now), Now));
        Assert.False(store.Insert(TestEntries.MakeUnsigned(1, Now, Now, "other"), Now));
        Assert.False(store.RemoveUnsigned(Id(1)));
        Assert.False(store.ClearUnsigned());
        Assert.Empty(store.Changes);
        Assert.False(store.Publish());
    }

    [Fact]
    public void Inserting_the_same_entry_again_refreshes_it_silently()
    {
        CatalogStore store = Store();
        PeerEntry entry = TestEntries.MakeUnsigned(1, 1, 1);
        Assert.True(store.Insert(entry, Now));
        Assert.True(store.Insert(entry, Now + 200_000));
        Assert.Single(store.Changes);
        store.Purge(Now + 300_001);
        Assert.True(store.IsFresh(Id(1), Now + 300_001));
        Assert.True(store.Insert(entry.AddTags(default, "x"), Now + 200_000));
        Assert.Equal(PeerChangeKind.Updated, store.Changes[^1].Kind);
        Assert.True(store.RemoveUnsigned(Id(1)));
        Assert.Equal(PeerChangeKind.Removed, store.Changes[^1].Kind);
    }

    [Fact]
    public void Removing_touches_only_unsigned_entries()
    {
        CatalogStore store = Store();
        store.Upsert(TestEntries.Make(1, Now, Now), Now);
        store.Insert(TestEntries.MakeUnsigned(2, 1, 1), Now);
        store.Insert(TestEntries.MakeUnsigned(3, 1, 1), Now);
        Assert.False(store.RemoveUnsigned(Id(1)));
        Assert.True(store.ClearUnsigned());
        Assert.True(store.IsFreshSigned(Id(1), Now));
        Assert.Equal(2, store.Changes.Count(c => c.Kind == PeerChangeKind.Removed));
        Assert.Equal(0, store.SignedDepartures);
    }

    [Fact]
    public void Fix_15_an_entry_is_fresh_up_to_its_horizon_and_not_longer()
    {
        CatalogStore store = Store();
        store.Upsert(TestEntries.Make(1, Now, Now), Now);
        store.Insert(TestEntries.MakeUnsigned(2, 1, 1), Now + 10);
        store.Publish();
        Assert.Equal(Now + 300_000, store.EarliestExpiryMs);
        Assert.Equal(2, store.State.PeersCountAt(Now + 300_000));
        Assert.NotNull(store.State.GetKnown(Id(1), Now + 300_000));
        // Not purged yet, but already invisible.
        Assert.Equal(1, store.State.PeersCountAt(Now + 300_001));
        Assert.Null(store.State.GetKnown(Id(1), Now + 300_001));
        Assert.Equal(0, store.State.PeersCountAt(Now + 300_011));
        store.Changes.Clear();
        store.Purge(Now + 300_000);
        Assert.Empty(store.Changes);
        store.Purge(Now + 300_001);
        Assert.Equal(Id(1), Assert.Single(store.Changes).Id);
        Assert.Equal(1, store.SignedDepartures);
        Assert.Equal(Now + 300_010, store.EarliestExpiryMs);
    }

    [Fact]
    public void Keep_alives_move_the_horizon_without_touching_the_heap()
    {
        CatalogStore store = Store();
        for (int i = 0; i < 100; i++)
            Assert.True(store.Upsert(TestEntries.Make(1, Now, Now + (i * 15_000)), Now + (i * 15_000)) is UpsertResult.New or UpsertResult.Updated);
        Assert.Equal(Now + 300_000, store.EarliestExpiryMs); // a lower bound
        long last = Now + (99 * 15_000);
        store.Purge(last);
        Assert.Equal(last + 300_000, store.EarliestExpiryMs);
        Assert.True(store.IsFreshSigned(Id(1), last));
        store.Purge(last + 300_001);
        Assert.Equal(long.MaxValue, store.EarliestExpiryMs);
        Assert.Equal(PeerChangeKind.Removed, store.Changes[^1].Kind);
    }

    [Fact]
    public void A_peer_that_returns_after_its_horizon_departs_before_it_is_discovered_again()
    {
        CatalogStore store = Store();
        store.Upsert(TestEntries.Make(1, Now, Now), Now);
        store.Upsert(TestEntries.Make(1, Now, Now + 400_000), Now + 400_000); // the purge is late
        Assert.Equal([PeerChangeKind.Added, PeerChangeKind.Removed, PeerChangeKind.Added], store.Changes.Select(c => c.Kind));
    }

    [Fact]
    public void Fix_8_A2_future_entries_are_refused_everywhere()
    {
        CatalogStore store = Store();
        Assert.Equal(UpsertResult.FromFuture, store.Upsert(TestEntries.Make(1, Now, Now + 10_001), Now));
        Assert.Equal(UpsertResult.FromFuture, store.Upsert(TestEntries.Make(1, Now, long.MaxValue), Now));
        Assert.Equal(UpsertResult.New, store.Upsert(TestEntries.Make(1, Now, Now + 10_000), Now));
    }

    [Fact]
    public void A7_of_two_entries_with_one_version_the_stored_one_stays()
    {
        CatalogStore store = Store();
        SignedPeerEntry first = TestEntries.Make(1, Now, Now);
        store.Upsert(first, Now);
        Assert.Equal(UpsertResult.Rejected, store.Upsert(TestEntries.Make(1, Now, Now, tags: ["x"]), Now));
        store.Publish();
        Assert.Equal(first, store.State.Signed[Id(1)]);
    }

    [Fact]
    public void Fix_12_A4_a_departed_run_does_not_come_back()
    {
        CatalogStore store = Store();
        SignedPeerEntry old = TestEntries.Make(1, Now, Now);
        store.Upsert(old, Now);
        Assert.Equal(DepartureDecision.Removed, store.Depart(Id(1), new PeerVersion(Now, Now + 5), Now + 5, Now + 5));
        Assert.Equal(UpsertResult.Departed, store.Upsert(old, Now + 6));
        Assert.Equal(UpsertResult.Departed, store.Upsert(TestEntries.Make(1, Now, Now + 7), Now + 7));
        Assert.Equal(1, store.SignedDepartures);
        // A newer run is accepted and clears the memory.
        Assert.Equal(UpsertResult.New, store.Upsert(TestEntries.Make(1, Now + 8, Now + 8), Now + 8));
        store.Publish();
        Assert.Empty(store.State.Tombstones);
        Assert.Equal(DepartureDecision.Ignored, store.Depart(Id(1), new PeerVersion(Now, Now + 5), Now + 9, Now + 9));
    }

    [Fact]
    public void A_tombstone_is_forgotten_after_the_horizon()
    {
        CatalogStore store = Store();
        Assert.Equal(DepartureDecision.TombstoneOnly, store.Depart(Id(1), new PeerVersion(Now, Now), Now, Now));
        store.Publish();
        Assert.Equal(UpsertResult.Departed, store.Upsert(TestEntries.Make(1, Now, Now + 300_000), Now + 300_000));
        Assert.Equal(UpsertResult.New, store.Upsert(TestEntries.Make(1, Now, Now + 300_001), Now + 300_001));
        store.Depart(Id(2), new PeerVersion(Now, Now + 300_001), Now + 300_001, Now + 300_001);
        store.Purge(Now + 700_000);
        store.Publish();
        Assert.Empty(store.State.Tombstones);
    }

    [Fact]
    public void A_later_tombstone_is_not_replaced_by_an_earlier_one()
    {
        CatalogStore store = Store();
        store.Depart(Id(1), new PeerVersion(Now + 50, Now + 50), Now, Now);
        store.Depart(Id(1), new PeerVersion(Now, Now + 50), Now, Now);
        Assert.Equal(UpsertResult.Departed, store.Upsert(TestEntries.Make(1, Now + 50, Now + 60), Now + 60));
    }

    [Fact]
    public void Our_own_departure_is_dropped() =>
        Assert.Equal(DepartureDecision.Dropped, Store().Depart(Self, new PeerVersion(Now, Now), Now, Now));

    [Fact]
    public void At_most_10000_tombstones_the_earliest_goes_first()
    {
        CatalogStore store = Store();
        for (int i = 0; i <= CatalogStore.MaxTombstones; i++)
            store.Depart(PeerId.FromRawUnchecked(UniqueId.FromInt32(i + 1).AsSpan()), new PeerVersion(Now, Now), Now + i, Now + i);
        store.Publish();
        Assert.Equal(CatalogStore.MaxTombstones, store.State.Tombstones.Count);
        Assert.False(store.State.Tombstones.ContainsKey(PeerId.FromRawUnchecked(UniqueId.FromInt32(1).AsSpan())));
    }

    [Fact]
    public void A6_a_full_catalog_keeps_those_who_refresh_themselves()
    {
        CatalogStore store = Store(maxEntries: 3);
        for (int i = 1; i <= 3; i++)
            store.Upsert(TestEntries.Make(i, Now, Now), Now);
        Assert.Equal(UpsertResult.Full, store.Upsert(TestEntries.Make(4, Now, Now + 60_000), Now + 60_000));
        store.Upsert(TestEntries.Make(1, Now, Now + 60_001), Now + 60_001);
        store.Hold(Id(2));
        // 1 was refreshed, somebody is connected to 2: the stranger takes the place of 3.
        Assert.Equal(UpsertResult.New, store.Upsert(TestEntries.Make(4, Now, Now + 60_002), Now + 60_002));
        Assert.True(store.Contains(Id(1)) && store.Contains(Id(2)) && !store.Contains(Id(3)));
        Assert.Equal(UpsertResult.Full, store.Upsert(TestEntries.Make(5, Now, Now + 60_003), Now + 60_003));
        store.Release(Id(2));
        Assert.Equal(UpsertResult.New, store.Upsert(TestEntries.Make(5, Now, Now + 60_003), Now + 60_003));
        Assert.False(store.Contains(Id(2)));
        // Known peers are always updated.
        Assert.Equal(UpsertResult.Updated, store.Upsert(TestEntries.Make(4, Now, Now + 60_010), Now + 60_010));
    }

    [Fact]
    public void A_full_catalog_of_unsigned_entries_refuses_as_well()
    {
        CatalogStore store = Store(maxEntries: 1);
        Assert.True(store.Insert(TestEntries.MakeUnsigned(1, 1, 1), Now));
        Assert.False(store.Insert(TestEntries.MakeUnsigned(2, 1, 1), Now + 60_000));
        Assert.True(store.Insert(TestEntries.MakeUnsigned(2, 1, 1), Now + 60_001));
        Assert.False(store.Contains(Id(1)));
    }

    [Fact]
    public void Indexes_follow_the_entries()
    {
        CatalogStore store = Store();
        store.Upsert(TestEntries.Make(1, Now, Now, streams: ["a", "b"]), Now);
        store.Upsert(TestEntries.Make(2, Now, Now, streams: ["b"]), Now);
        store.Insert(TestEntries.MakeUnsigned(3, Now, Now, streams: ["c"]), Now);
        store.Publish();
        Assert.Equal([Id(1)], store.State.ByStream["a"]);
        Assert.Equal([.. new[] { Id(1), Id(2) }.Order()], store.State.ByStream["b"]);
        Assert.Equal([Id(3)], store.State.ByStream["c"]);
        store.Upsert(TestEntries.Make(1, Now, Now + 1, streams: ["b", "c"]), Now + 1);
        store.RemoveUnsigned(Id(3));
        store.Publish();
        Assert.False(store.State.ByStream.ContainsKey("a"));
        Assert.Equal([Id(1)], store.State.ByStream["c"]);
        store.Purge(Now + 1_000_000);
        store.Publish();
        Assert.Empty(store.State.ByStream);
    }

    [Fact]
    public void Fix_16_the_limit_of_round_trip_times_hides_and_does_not_count()
    {
        CatalogStore store = Store(Options with { MaxRtt = TimeSpan.FromMilliseconds(100) });
        for (int i = 1; i <= 3; i++)
            store.Upsert(TestEntries.Make(i, Now, Now), Now);
        store.SampleRtt(Id(1), TimeSpan.FromMilliseconds(100)); // the limit itself passes
        store.SampleRtt(Id(2), TimeSpan.FromMilliseconds(101));
        store.SampleRtt(Id(9), TimeSpan.FromMilliseconds(1)); // a stranger
        store.Publish();
        CatalogState state = store.State;
        Assert.Equal(2, state.PeersCountAt(Now));
        Assert.True(state.PassesMaxRtt(Id(1)));
        Assert.False(state.PassesMaxRtt(Id(2)));
        Assert.True(state.PassesMaxRtt(Id(3)));
        Assert.NotNull(state.GetKnown(Id(2), Now)); // known, but too slow
        Assert.Equal(2, state.Rtts.Count);
        Assert.Equal(1, state.PeersCountAt(Now + 300_000) - 1);
        store.Depart(Id(2), new PeerVersion(Now, Now), Now, Now);
        store.Publish();
        Assert.Equal(2, store.State.PeersCountAt(Now));
        Assert.Single(store.State.Rtts);
    }

    [Fact]
    public void Publishing_without_a_change_publishes_nothing()
    {
        CatalogStore store = Store();
        store.Upsert(TestEntries.Make(1, Now, Now), Now);
        Assert.True(store.Publish());
        store.Changes.Clear();
        CatalogState state = store.State;
        Assert.Equal(UpsertResult.Rejected, store.Upsert(TestEntries.Make(1, Now, Now), Now));
        Assert.False(store.Publish());
        Assert.Same(state, store.State);
    }
}
