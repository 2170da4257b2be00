using Mosaik.Discovery;
using Mosaik.Primitives;

namespace Mosaik.Tests.Discovery;

/// <summary>The node's own entry (spec/discovery.md §3, §7, §12.3).</summary>
public sealed class LocalEntryTests
{
    private const long Now = 1_760_000_000_000;

    private static readonly SecretKey Key = TestEntries.Key(1);

    private static LocalEntry Make(params Tag[] tags) => new(Key, TestEntries.Network, Key.PeerId, [.. tags], Now);

    [Fact]
    public void The_first_version_is_now_now_with_the_configured_tags()
    {
        LocalEntry local = Make("a", "b");
        Assert.Equal(new PeerVersion(Now, Now), local.LastSigned.Version);
        Assert.Equal(local.LastSigned.Version, local.HighWater);
        Assert.Equal(2, local.Entry.Tags.Count);
    }

    [Fact]
    public void Fix_13_a_change_that_changes_nothing_signs_nothing()
    {
        LocalEntry local = Make("a");
        int notified = 0;
        local.Changed = () => notified++;
        SignedPeerEntry before = local.LastSigned;
        Assert.False(local.Change(e => e.AddTags(default, "a")));
        Assert.False(local.Change(e => e.RemoveTags(default, "b")));
        Assert.False(local.Change(e => e.WithAddress(e.Address, default)));
        Assert.Same(before, local.Sign(Now + 5));
        Assert.Equal(0, notified);
    }

    [Fact]
    public void Changes_before_a_signature_cost_one_version()
    {
        LocalEntry local = Make();
        for (int i = 0; i < 10; i++)
            Assert.True(local.Change(e => e.AddStreams(default, $"stream {i}")));
        Assert.Equal(10, local.Entry.Streams.Count); // visible at once
        SignedPeerEntry signed = local.Sign(Now + 3);
        Assert.Equal(new PeerVersion(Now, Now + 4), signed.Version);
        Assert.Equal(10, signed.Entry.Streams.Count);
        Assert.Same(signed, local.Sign(Now + 9));
    }

    [Fact]
    public void A_change_that_is_undone_before_the_signature_is_none()
    {
        LocalEntry local = Make();
        SignedPeerEntry before = local.LastSigned;
        Assert.True(local.Change(e => e.AddTags(default, "a")));
        Assert.True(local.Change(e => e.RemoveTags(default, "a")));
        Assert.Same(before, local.Sign(Now + 5));
    }

    [Fact]
    public void Versions_signed_in_one_millisecond_differ()
    {
        LocalEntry local = Make();
        PeerVersion[] versions = [.. Enumerable.Range(0, 5).Select(_ => local.Restamp(Now).Version)];
        Assert.Equal(Enumerable.Range(1, 5).Select(i => new PeerVersion(Now, Now + i)), versions);
    }

    [Fact]
    public void A3_versions_grow_although_the_clock_is_set_back()
    {
        LocalEntry local = Make();
        PeerVersion before = local.Restamp(Now + 50_000).Version;
        PeerVersion after = local.Restamp(Now - 1_000_000).Version;
        Assert.True(after.IsNewerThan(before));
    }

    [Fact]
    public void Fix_6_answers_and_departures_use_up_versions_that_are_not_stored()
    {
        LocalEntry local = Make();
        SignedPeerEntry answer = local.SignForAnswer(Now);
        Assert.True(answer.Version.IsNewerThan(local.LastSigned.Version));
        Assert.Equal(answer.Version, local.HighWater);
        local.Change(e => e.AddTags(default, "a"));
        SignedPeerEntry published = local.Sign(Now);
        Assert.True(published.Version.IsNewerThan(answer.Version));
        Departure departure = local.SignDeparture(DateTimeOffset.FromUnixTimeMilliseconds(Now));
        Assert.True(departure.LastVersion.IsNewerThan(published.Version));
        Assert.True(departure.Verify(SignatureVerifier.Shared));
    }

    [Fact]
    public void An_answer_contains_changes_that_were_not_signed_yet()
    {
        LocalEntry local = Make();
        local.Change(e => e.AddTags(default, "a"));
        Assert.Single(local.SignForAnswer(Now).Entry.Tags);
        Assert.True(local.Sign(Now).Version == local.HighWater);
    }

    [Fact]
    public void Fix_19_a_later_version_of_ourselves_is_overtaken()
    {
        LocalEntry local = Make("a");
        var foreign = new PeerVersion(Now + 5000, Now + 90_000);
        SignedPeerEntry signed = local.Overtake(foreign, Now + 10);
        Assert.Equal(new PeerVersion(Now + 5001, Now + 90_000), signed.Version);
        Assert.Equal(signed.Version, local.HighWater);
        Assert.Single(signed.Entry.Tags);
        Assert.Same(signed, local.Overtake(foreign, Now + 10)); // already behind us
        Assert.Equal(new PeerVersion(Now + 5001, Now + 90_001), local.Restamp(Now + 11).Version);
    }

    [Fact]
    public void When_the_clock_is_put_forward_the_entry_begins_anew()
    {
        LocalEntry local = Make("a");
        SignedPeerEntry signed = local.BeginRun(Now + 60_000);
        Assert.Equal(new PeerVersion(Now + 60_000, Now + 60_000), signed.Version);
        Assert.Single(signed.Entry.Tags);
        Assert.Same(signed, local.BeginRun(Now + 10)); // the clock was set back meanwhile
    }

    [Fact]
    public void Tickets_have_limits()
    {
        LocalEntry local = Make();
        for (int i = 0; i < LocalEntry.MaxTickets; i++)
            Assert.True(local.Change(e => e.AddTicket(default, new Ticket("c", [(byte)i]))));
        Assert.Throws<TicketLimitException>(() => local.Change(e => e.AddTicket(default, new Ticket("c", [99]))));
        Assert.Equal(LocalEntry.MaxTickets, local.Entry.Tickets.Count);
        Assert.True(local.Change(e => e.RemoveTicketsOf(default, "c")));
        byte[] large = new byte[LocalEntry.MaxTicketBytes];
        Assert.True(local.Change(e => e.AddTicket(default, new Ticket("c", large))));
        Assert.Throws<TicketLimitException>(() => local.Change(e => e.AddTicket(default, new Ticket("d", [1]))));
    }

    [Fact]
    public async Task Concurrent_changes_are_all_in_the_end()
    {
        LocalEntry local = Make();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(() =>
        {
            for (int i = 0; i < 25; i++)
            {
                local.Change(e => e.AddTags(default, $"{worker}/{i}"));
                if (i % 5 == 0)
                    local.SignForAnswer(Now);
                if (i % 7 == 0)
                    local.Sign(Now);
            }
        })));
        SignedPeerEntry signed = local.Sign(Now);
        Assert.Equal(200, signed.Entry.Tags.Count);
        Assert.Equal(signed.Version, local.HighWater);
        Assert.True(SignedPeerEntry.TryDecode(signed.Bytes.Span, out _));
    }
}
