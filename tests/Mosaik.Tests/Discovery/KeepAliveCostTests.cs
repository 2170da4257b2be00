using Mosaik.Discovery;
using Mosaik.Primitives;

namespace Mosaik.Tests.Discovery;

/// <summary>A keep-alive costs nothing that grows with the number of peers (spec/discovery.md §18.6, §18.9).</summary>
public sealed class KeepAliveCostTests
{
    private const long Now = 1_760_000_000_000;

    [Fact]
    public void The_core_takes_a_keep_alive_in_the_same_room_whatever_the_number_of_peers()
    {
        long few = AllocatedPerKeepAlive(peers: 60), many = AllocatedPerKeepAlive(peers: 4_000);
        // Only the path in a balanced tree is longer: 12 nodes instead of 6.
        Assert.InRange(many, 1, few * 3);
    }

    [Fact]
    public void A_keep_alive_touches_no_index_and_starts_no_sync()
    {
        var core = new DiscoveryCore("my-app", TestEntries.Key(0).PeerId, new DiscoveryOptions(), new SeededRandom(1), announces: true);
        var at = new DiscoveryTime(Now, TimeSpan.Zero);
        core.GoOnline(at);
        core.Offer([TestEntries.Make(1, Now, Now, streams: ["s"])], default, EntrySource.Gossip, at);
        CatalogState before = core.State;
        core.Effects.Clear();
        core.Offer([TestEntries.Make(1, Now, Now + 1, streams: ["s"])], default, EntrySource.Gossip, at);
        Assert.Same(before.ByStream, core.State.ByStream);
        Assert.Same(before.ByGroup, core.State.ByGroup);
        Assert.False(Assert.Single(core.Effects.Changes).ContentChanged);
        Assert.Empty(core.Effects.Syncs);
        Assert.Empty(core.Effects.Joins);
        Assert.False(core.Effects.Announce || core.Effects.Restamp);
    }

    private static long AllocatedPerKeepAlive(int peers)
    {
        const int rounds = 64;
        var core = new DiscoveryCore("my-app", TestEntries.Key(0).PeerId, new DiscoveryOptions(), new SeededRandom(1), announces: true);
        SignedPeerEntry template = TestEntries.Make(1, Now, Now);
        var at = new DiscoveryTime(Now, TimeSpan.Zero);
        for (int i = 0; i < peers; i++)
            core.Offer([Unverified(i, Now, template)], default, EntrySource.Feed, at);
        core.Effects.Clear();
        SignedPeerEntry[][] keepAlives = [.. Enumerable.Range(1, rounds).Select(r => new[] { Unverified(7, Now + r, template) })];
        long before = GC.GetAllocatedBytesForCurrentThread();
        foreach (SignedPeerEntry[] keepAlive in keepAlives)
        {
            core.Offer(keepAlive, default, EntrySource.Gossip, at);
            core.HandleTimeout(at);
            core.Effects.Clear();
        }
        return (GC.GetAllocatedBytesForCurrentThread() - before) / rounds;
    }

    /// <summary>What the core is given is verified; this makes thousands of peers without as many signatures.</summary>
    private static SignedPeerEntry Unverified(int peer, long update, SignedPeerEntry template)
    {
        var id = PeerId.FromRawUnchecked(UniqueId.FromInt32(peer + 1).AsSpan());
        PeerEntry entry = PeerEntry.Create("my-app", id, new PeerVersion(Now, update));
        byte[] bytes = [.. entry.Bytes.Span, .. template.Bytes.Span[^Signature.Length..]];
        return new SignedPeerEntry(bytes, entry.Layout, entry.Digest, template.Signature);
    }
}
