using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Tests.Discovery;

/// <summary>The smaller parts of the core: identity, budgets, caches, probing, options.</summary>
public sealed class DiscoveryPartsTests
{
    private const long Now = 1_760_000_000_000;

    [Fact]
    public void An_identity_is_overtaken_three_times_and_then_reported_once_a_minute()
    {
        var guard = new IdentityGuard(new DiscoveryOptions());
        var highWater = new PeerVersion(Now, Now);
        var found = new PeerVersion(Now + 1, Now + 1);
        DiscoveryTime At(int seconds) => new(Now + (seconds * 1000L), TimeSpan.FromSeconds(seconds));

        Assert.Equal(IdentityVerdict.Ignore, guard.Judge(highWater, highWater, At(0)));
        Assert.Equal(IdentityVerdict.Overtake, guard.Judge(found, highWater, At(0)));
        Assert.Equal(IdentityVerdict.Ignore, guard.Judge(found, highWater, At(14))); // once per interval
        Assert.Equal(IdentityVerdict.Overtake, guard.Judge(found, highWater, At(15)));
        Assert.Equal(IdentityVerdict.Overtake, guard.Judge(found, highWater, At(30)));
        Assert.Equal(IdentityVerdict.ReportConflict, guard.Judge(found, highWater, At(45)));
        Assert.Equal(IdentityVerdict.Ignore, guard.Judge(found, highWater, At(104)));
        Assert.Equal(IdentityVerdict.ReportConflict, guard.Judge(found, highWater, At(105)));
    }

    [Fact]
    public void An_identity_far_in_the_future_is_only_reported()
    {
        var guard = new IdentityGuard(new DiscoveryOptions());
        var now = new DiscoveryTime(Now, TimeSpan.Zero);
        Assert.Equal(
            IdentityVerdict.ReportConflict, guard.Judge(new PeerVersion(Now + 10_001, Now), new PeerVersion(Now, Now), now));
        Assert.Equal(IdentityVerdict.Overtake, guard.Judge(new PeerVersion(Now + 10_000, Now), new PeerVersion(Now, Now), now));
    }

    [Fact]
    public void The_signature_budget_is_2000_per_second_with_a_burst_of_20000()
    {
        var budget = new SignatureBudget();
        Assert.Equal(TimeSpan.Zero, budget.Reserve(20_000, TimeSpan.Zero));
        Assert.Equal(TimeSpan.FromSeconds(5), budget.Reserve(10_000, TimeSpan.Zero));
        Assert.Equal(TimeSpan.FromSeconds(5.5), budget.Reserve(1000, TimeSpan.Zero));
        Assert.Equal(TimeSpan.Zero, budget.Reserve(1000, TimeSpan.FromSeconds(6)));
        Assert.Equal(TimeSpan.Zero, budget.Reserve(20_000, TimeSpan.FromSeconds(100)));
        Assert.NotEqual(TimeSpan.Zero, budget.Reserve(1, TimeSpan.FromSeconds(100)));
    }

    [Fact]
    public void When_verifications_are_scarce_a_neighbour_gets_a_quarter()
    {
        var budget = new SignatureBudget();
        PeerId loud = TestEntries.Key(1).PeerId, quiet = TestEntries.Key(2).PeerId;
        int Take(PeerId neighbour, TimeSpan now)
        {
            int taken = 0;
            while (taken < 100_000 && budget.TryTake(neighbour, now))
                taken++;
            return taken;
        }
        Assert.InRange(Take(loud, TimeSpan.Zero), 9_999, 10_001); // half of it, while there is plenty
        Assert.InRange(Take(quiet, TimeSpan.Zero), 4_999, 5_001); // its quarter is there
        Assert.InRange(Take(loud, TimeSpan.FromSeconds(1)), 499, 501); // a quarter of a second's
        Assert.InRange(Take(quiet, TimeSpan.FromSeconds(1)), 499, 501);
        budget.Reserve(20_000, TimeSpan.FromSeconds(1)); // a sync takes all: gossip is dropped
        Assert.Equal(0, Take(quiet, TimeSpan.FromSeconds(2)));
    }

    [Fact]
    public void A_log_line_per_peer_and_interval_and_the_others_are_counted()
    {
        var limiter = new PeerLogLimiter(TimeSpan.FromMinutes(1), capacity: 3);
        bool Pass(int peer, int seconds, out int suppressed) =>
            limiter.TryPass(TestEntries.Key(peer).PeerId, TimeSpan.FromSeconds(seconds), out suppressed);
        Assert.True(Pass(1, 0, out _));
        Assert.False(Pass(1, 59, out _));
        Assert.False(Pass(1, 59, out _));
        Assert.True(Pass(2, 59, out int suppressed));
        Assert.Equal(0, suppressed);
        Assert.True(Pass(1, 60, out suppressed));
        Assert.Equal(2, suppressed);
        Assert.True(Pass(3, 60, out _));
        Assert.True(Pass(4, 60, out _)); // no room: the table starts over
        Assert.True(Pass(1, 60, out suppressed));
        Assert.Equal(0, suppressed);
    }

    [Fact]
    public void The_cache_keeps_the_recently_used_and_only_successes()
    {
        var cache = new SignatureCache(2);
        SignedPeerEntry[] entries = [.. Enumerable.Range(1, 3).Select(i => TestEntries.Make(i, Now, Now))];
        var verifier = new SignatureVerifier(cache);
        bool Known(int i) => cache.Contains(entries[i].Id, entries[i].Digest, entries[i].Signature);
        bool Verify(int i) => verifier.Verify(entries[i].Id, entries[i].Digest, entries[i].Signature);

        Assert.True(Verify(0) && Verify(1));
        Assert.True(Known(0)); // the older one is used again
        Assert.True(Verify(2));
        Assert.True(Known(0) && Known(2) && !Known(1));
        Assert.False(verifier.Verify(entries[0].Id, entries[1].Digest, entries[1].Signature));
        Assert.False(cache.Contains(entries[0].Id, entries[1].Digest, entries[1].Signature));
        Assert.Equal(4, verifier.Requested);
    }

    [Fact]
    public void An_entry_is_recalled_by_its_bytes_as_long_as_its_signature_is_remembered()
    {
        var verifier = new SignatureVerifier(new SignatureCache(2));
        SignedPeerEntry[] entries = [.. Enumerable.Range(1, 3).Select(i => Verified(TestEntries.Make(i, Now, Now).Bytes.ToArray()))];
        Assert.False(verifier.TryRecall(entries[0].Signature, entries[0].Bytes.Span, out _)); // the least recently used one
        Assert.True(verifier.TryRecall(entries[1].Signature, entries[1].Bytes.ToArray(), out SignedPeerEntry? recalled));
        Assert.Same(entries[1], recalled);
        byte[] other = entries[2].Bytes.ToArray();
        other[0] ^= 1;
        Assert.False(verifier.TryRecall(entries[2].Signature, other, out _));
        Assert.Same(entries[2], Verified(entries[2].Bytes.ToArray()));

        SignedPeerEntry Verified(byte[] bytes)
        {
            Assert.Equal(EntryFault.None, SignedPeerEntry.TryDecode(bytes, verifier, out SignedPeerEntry? entry));
            return entry!; // verified
        }
    }

    [Fact]
    public void Probes_are_spread_bounded_and_made_superfluous_by_samples()
    {
        var options = new DiscoveryOptions { RttProbe = RttProbe.Always, RttProbeInterval = TimeSpan.FromSeconds(30) };
        var prober = new RttProber(options, new SeededRandom(3));
        prober.Start(TimeSpan.Zero);
        PeerId[] peers = [.. Enumerable.Range(1, 40).Select(i => TestEntries.Key(i).PeerId)];
        var probed = new Dictionary<PeerId, TimeSpan>();
        TimeSpan firstRound = prober.NextDue!.Value;
        Assert.InRange(firstRound.TotalSeconds, 15, 45);
        foreach (PeerId sampled in peers.Take(10))
            prober.OnSample(sampled, firstRound);
        TimeSpan now = firstRound;
        int most = 0;
        var running = new List<PeerId>();
        while (now < firstRound + TimeSpan.FromSeconds(14))
        {
            var due = new List<PeerId>();
            prober.TakeDue(now, () => peers, _ => true, due);
            foreach (PeerId id in due)
                Assert.True(probed.TryAdd(id, now));
            running.AddRange(due);
            most = Math.Max(most, running.Count);
            if (running.Count == RttProber.MaxRunning)
            {
                foreach (PeerId id in running)
                    prober.OnProbeFinished(id);
                running.Clear();
            }
            now += TimeSpan.FromMilliseconds(50);
        }
        Assert.InRange(most, 1, RttProber.MaxRunning);
        Assert.InRange(probed.Count, 5, 30);
        Assert.DoesNotContain(probed.Keys, id => peers.Take(10).Contains(id));
        Assert.True(probed.Values.Distinct().Count() > 4, "spread over the interval");
    }

    [Fact]
    public void Without_need_nobody_is_probed()
    {
        PeerId peer = TestEntries.Key(1).PeerId;
        var prober = new RttProber(new DiscoveryOptions(), new SeededRandom(3));
        prober.Start(TimeSpan.Zero);
        var due = new List<PeerId>();
        void RunTo(int seconds)
        {
            for (int s = 0; s < seconds; s++)
                prober.TakeDue(TimeSpan.FromSeconds(s), () => [peer], _ => true, due);
        }
        RunTo(300);
        Assert.Empty(due);
        prober.AddInterest(peer);
        RunTo(600);
        Assert.Equal([peer], due);
        var never = new RttProber(new DiscoveryOptions { RttProbe = RttProbe.Never, MaxRtt = TimeSpan.FromSeconds(1) }, new SeededRandom(1));
        Assert.Null(never.NextDue);
    }

    public static TheoryData<string, DiscoveryOptions> InvalidOptions => new()
    {
        { nameof(DiscoveryOptions.EventsBacklog), new DiscoveryOptions { EventsBacklog = 0 } },
        { nameof(DiscoveryOptions.PurgeAfter), new DiscoveryOptions { PurgeAfter = TimeSpan.Zero } },
        { nameof(DiscoveryOptions.PurgeAfter), new DiscoveryOptions { PurgeAfter = TimeSpan.FromSeconds(22.5) } },
        { nameof(DiscoveryOptions.MaxTimeDrift), new DiscoveryOptions { MaxTimeDrift = TimeSpan.FromSeconds(-1) } },
        { nameof(DiscoveryOptions.AnnounceInterval), new DiscoveryOptions { AnnounceInterval = TimeSpan.Zero } },
        { nameof(DiscoveryOptions.AnnounceJitter), new DiscoveryOptions { AnnounceJitter = 1.01 } },
        { nameof(DiscoveryOptions.AnnounceJitter), new DiscoveryOptions { AnnounceJitter = double.NaN } },
        { nameof(DiscoveryOptions.GracefulDepartureWindow), new DiscoveryOptions { GracefulDepartureWindow = TimeSpan.FromSeconds(-1) } },
        { nameof(DiscoveryOptions.GracefulDepartureWindow), new DiscoveryOptions { GracefulDepartureWindow = TimeSpan.FromHours(1) } },
        { nameof(DiscoveryOptions.RttProbe), new DiscoveryOptions { RttProbe = (RttProbe)9 } },
        { nameof(DiscoveryOptions.RttProbeInterval), new DiscoveryOptions { RttProbeInterval = TimeSpan.Zero } },
        { nameof(DiscoveryOptions.MaxRtt), new DiscoveryOptions { MaxRtt = TimeSpan.Zero } },
        { nameof(DiscoveryOptions.BootstrapPeers), new DiscoveryOptions { BootstrapPeers = default } },
        { nameof(DiscoveryOptions.Tags), new DiscoveryOptions { Tags = default } },
    };

    [Theory, MemberData(nameof(InvalidOptions), DisableDiscoveryEnumeration = true)]
    public async Task Options_that_cannot_work_are_refused_before_anything_starts(string property, DiscoveryOptions options)
    {
        MosaikConfigurationException e = await Assert.ThrowsAsync<MosaikConfigurationException>(
            async () => await Network.StartAsync("my-app", new NetworkOptions { Discovery = options }));
        Assert.Equal($"DiscoveryOptions.{property}", e.Property);
    }

    [Fact]
    public void The_defaults_are_those_of_the_specification()
    {
        var options = new DiscoveryOptions();
        options.Validate();
        Assert.Equal(100, options.EventsBacklog);
        Assert.Equal(TimeSpan.FromSeconds(300), options.PurgeAfter);
        Assert.Equal(TimeSpan.FromSeconds(10), options.MaxTimeDrift);
        Assert.Equal(TimeSpan.FromSeconds(15), options.AnnounceInterval);
        Assert.Equal(0.5, options.AnnounceJitter);
        Assert.Equal(TimeSpan.FromMilliseconds(500), options.GracefulDepartureWindow);
        Assert.Equal(RttProbe.WhenNeeded, options.RttProbe);
        Assert.Equal(TimeSpan.FromSeconds(30), options.RttProbeInterval);
        Assert.Null(options.MaxRtt);
    }
}
