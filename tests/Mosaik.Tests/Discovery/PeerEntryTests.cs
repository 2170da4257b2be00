using System.Text;
using Mosaik.Discovery;
using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Tests.Discovery;

/// <summary>Entries as values (spec/discovery.md §2–§4, §19.2).</summary>
public sealed class PeerEntryTests
{
    private const long Start = 1_760_000_000_000;

    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeMilliseconds(Start + 5000);

    [Fact]
    public void Every_flipped_bit_of_a_signed_entry_is_refused()
    {
        byte[] bytes = TestEntries.SignedOfVector("E1").Bytes.ToArray();
        for (int bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(SignedPeerEntry.TryDecode(bytes, out _), $"bit {bit}");
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
        Assert.True(SignedPeerEntry.TryDecode(bytes, out _));
    }

    [Fact]
    public void Another_entry_under_an_old_signature_is_refused()
    {
        SignedPeerEntry signed = TestEntries.Make(1, Start, Start);
        PeerEntry other = signed.Entry.AddTags(Now, "tag");
        Assert.False(SignedPeerEntry.TryDecode([.. other.Bytes.Span, .. signed.Signature.ToByteArray()], out _));
    }

    [Fact]
    public void A_small_order_key_signs_nothing()
    {
        byte[] bytes = TestEntries.Make(1, Start, Start).Bytes.ToArray();
        SignedPeerEntry entry = TestEntries.Make(1, Start, Start);
        byte[] identity = new byte[32];
        identity[0] = 1;
        identity.CopyTo(bytes.AsSpan(entry.Entry.Layout.AddressStart));
        bytes.AsSpan(entry.Entry.Bytes.Length).Clear();
        identity.CopyTo(bytes.AsSpan(entry.Entry.Bytes.Length));
        Assert.Equal(EntryFault.Signature, SignedPeerEntry.TryDecode(bytes, SignatureVerifier.Shared, out _));
    }

    [Fact]
    public void The_version_grows_with_every_change_and_only_then()
    {
        PeerEntry entry = TestEntries.MakeUnsigned(1, Start, Start);
        PeerEntry[] grown =
        [
            entry.AddTags(Now, "a"),
            entry.AddTags(Now, "a").RemoveTags(Now, "a"),
            entry.AddStreams(Now, "s"),
            entry.AddStreams(Now, "s").RemoveStreams(Now, "s"),
            entry.AddGroups(Now, "g"),
            entry.AddGroups(Now, "g").RemoveGroups(Now, "g"),
            entry.WithAddress(entry.Address, Now),
            entry.AddTicket(Now, new Ticket("c", "d"u8)),
            entry.AddTicket(Now, new Ticket("c", "d"u8)).RemoveTicketsOf(Now, "c"),
            entry.ReplaceTicket(Now, new Ticket("c", "d"u8)),
        ];
        Assert.All(grown, e => Assert.True(e.IsNewerThan(entry)));
        PeerEntry[] same =
        [
            entry.RemoveTags(Now, "a"),
            entry.AddTags(Now, "a").AddTags(Now, "a").RemoveTags(Now, "b"),
            entry.RemoveTicket(Now, UniqueId.Zero),
            entry.RemoveTicketsOf(Now, "none"),
        ];
        Assert.Same(entry, same[0]);
        Assert.Equal(entry.AddTags(Now, "a").Version, same[1].Version);
        Assert.Same(entry, same[2]);
        Assert.Same(entry, same[3]);
        Assert.False(entry.IsNewerThan(entry));
    }

    [Fact]
    public void The_version_is_strictly_monotonic_over_changes_in_one_instant()
    {
        PeerEntry entry = TestEntries.MakeUnsigned(1, Start, Start);
        PeerVersion before = entry.Version;
        for (int i = 0; i < 4; i++)
        {
            entry = entry.AddTags(Now, $"tag {i}");
            Assert.True(entry.Version.IsNewerThan(before));
            Assert.Equal(Start, entry.Version.Start);
            before = entry.Version;
        }
        Assert.Equal(Now.ToUnixTimeMilliseconds() + 4, before.Update);
    }

    [Fact]
    public void An_address_of_another_peer_is_refused()
    {
        PeerEntry entry = TestEntries.MakeUnsigned(1, Start, Start);
        DiscoveryException e = Assert.Throws<DiscoveryException>(() => entry.WithAddress(TestEntries.Key(2).PeerId, Now));
        Assert.Equal(DiscoveryError.PeerIdChanged, e.Error);
        Assert.Equal(entry.Id, e.ExpectedPeer);
        Assert.Equal(TestEntries.Key(2).PeerId, e.ActualPeer);
    }

    [Fact]
    public void A_foreign_key_cannot_sign()
    {
        PeerEntry entry = TestEntries.MakeUnsigned(1, Start, Start);
        DiscoveryException e = Assert.Throws<DiscoveryException>(() => entry.Sign(TestEntries.Key(2)));
        Assert.Equal(DiscoveryError.InvalidSecretKey, e.Error);
        Assert.Equal(TestEntries.Key(2).PeerId, e.ExpectedPeer);
        Assert.Equal(entry.Id, e.ActualPeer);
    }

    [Fact]
    public void A_relay_that_is_not_canonical_cannot_be_published() => Assert.Throws<ArgumentException>(() => PeerEntry.Create(
        TestEntries.Network,
        new EndpointAddress(TestEntries.Key(1).PeerId, new TransportAddress.Relay("https://Relay.example")),
        default));

    [Fact]
    public void Fix_20_addresses_that_differ_only_in_scope_survive_the_round_trip()
    {
        byte[] octets = System.Net.IPAddress.Parse("fec0::1").GetAddressBytes();
        var address = new EndpointAddress(
            TestEntries.Key(1).PeerId,
            new TransportAddress.Ip(new System.Net.IPAddress(octets, 1), 5),
            new TransportAddress.Ip(new System.Net.IPAddress(octets, 2), 5));
        SignedPeerEntry signed =
            PeerEntry.Create(TestEntries.Network, address, PeerVersion.First(Start)).Sign(TestEntries.Key(1));
        Assert.True(SignedPeerEntry.TryDecode(signed.Bytes.Span, out SignedPeerEntry? decoded));
        Assert.Single(decoded.Entry.Address.Addresses);
    }

    [Fact]
    public void Content_is_everything_but_the_version()
    {
        PeerEntry entry = TestEntries.OfVector("E1");
        Assert.True(entry.ContentEquals(entry.WithVersion(new PeerVersion(5, 1))));
        Assert.False(entry.ContentEquals(entry.AddTags(Now, "another")));
        Assert.False(TestEntries.MakeUnsigned(1, 5, 5, "a").ContentEquals(TestEntries.MakeUnsigned(1, 5, 5, "b")));
    }

    [Fact]
    public void Times_outside_of_the_clr_are_shown_as_the_epoch()
    {
        PeerEntry entry = TestEntries.MakeUnsigned(1, long.MinValue, long.MaxValue);
        Assert.Equal(DateTimeOffset.UnixEpoch, entry.StartedAt);
        Assert.Equal(DateTimeOffset.UnixEpoch, entry.UpdatedAt);
        Assert.Equal(TimeSpan.Zero, TestEntries.MakeUnsigned(1, Start + 9000, Start).UptimeAt(Now));
        Assert.Equal(TimeSpan.FromSeconds(5), TestEntries.MakeUnsigned(1, Start, Start).UptimeAt(Now));
    }

    [Theory]
    [InlineData("0.3.18"), InlineData("1.0.0-alpha.1+build.5"), InlineData("1.0.0-0a.x-y"), InlineData("1.0.0+001"), InlineData("0.0.0-0")]
    [InlineData("18446744073709551615.0.0")]
    public void Semantic_versions(string text) => Assert.True(SemanticVersion.IsValid(Encoding.UTF8.GetBytes(text)));

    [Theory]
    [InlineData(""), InlineData("1"), InlineData("1.0"), InlineData("1.0.0.0"), InlineData("01.0.0"), InlineData("1.0.0-01")]
    [InlineData("1.0.0-"), InlineData("1.0.0+"), InlineData("1.0.0-a..b"), InlineData("v1.0.0"), InlineData("1.0.-1"), InlineData("1.0.0 ")]
    [InlineData("18446744073709551616.0.0"), InlineData("1.0.0-ä"), InlineData("1.0.0+a+b")]
    public void Not_semantic_versions(string text) => Assert.False(SemanticVersion.IsValid(Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void Tickets_are_validated_by_class()
    {
        DateTimeOffset now = Now;
        PeerEntry entry = TestEntries.MakeUnsigned(1, Start, Start)
            .AddTicket(now, new Ticket("a", [1])).AddTicket(now, new Ticket("a", [3])).AddTicket(now, new Ticket("b", [2]));
        var a = new HoursValidator("a", now);
        var b = new HoursValidator("b", now);
        Assert.True(entry.ValidateTicket(a, now, out Expiration latest));
        Assert.Equal(Expiration.At(now.AddHours(3)), latest);
        Assert.True(entry.ValidateTickets([a, b], now, out Expiration earliest));
        Assert.Equal(Expiration.At(now.AddHours(2)), earliest);
        Assert.True(entry.ValidateTickets([], now, out Expiration none));
        Assert.Equal(Expiration.Never, none);
        Assert.False(entry.ValidateTickets([a, new HoursValidator("c", now)], now, out _));
        Assert.False(entry.ValidateTicket(b, now.AddHours(2), out _)); // expired at that very instant
        Assert.True(entry.HasValidTicket("b", static data => data.Span[0] == 2));
        Assert.Equal(2, entry.TicketsOf("a").Count());
        PeerEntry replaced = entry.ReplaceTicket(now, new Ticket("a", [9]));
        Assert.Equal(2, replaced.Tickets.Count);
        Assert.Same(replaced, replaced.ReplaceTicket(now, new Ticket("a", [9])));
    }

    [Fact]
    public void Expirations_are_ordered_never_last()
    {
        Expiration early = Expiration.At(Now), late = Expiration.After(Now, TimeSpan.FromHours(1));
        Assert.True(early < late && late < Expiration.Never && Expiration.Never <= default(Expiration));
        Assert.Null(Expiration.Never.Remaining(Now));
        Assert.Equal(TimeSpan.Zero, early.Remaining(Now.AddDays(1)));
        Assert.False(Expiration.Never.IsExpired(DateTimeOffset.MaxValue));
    }

    [Fact]
    public void A_peer_with_unknown_round_trip_time_is_below_every_limit()
    {
        PeerEntry entry = TestEntries.OfVector("E1");
        Assert.True(new PeerInfo(entry, null).RttBelow(TimeSpan.FromMilliseconds(1)));
        var known = new PeerInfo(entry, TimeSpan.FromMilliseconds(150));
        Assert.False(known.RttWasRead);
        Assert.True(known.RttBelow(TimeSpan.FromMilliseconds(200)));
        Assert.False(known.RttBelow(TimeSpan.FromMilliseconds(150)));
        Assert.False(known.RttBelow(TimeSpan.FromMilliseconds(100)));
        Assert.True(known.RttWasRead);
        Assert.Equal(entry.Tags, known.Tags);
        Assert.Equal(entry.Address, known.Address);
        Assert.Equal(entry.Tickets, known.Tickets);
        Assert.Equal(entry.Id, known.Id);
    }

    [Fact]
    public void Mutated_entries_never_throw_and_none_verifies()
    {
        byte[] bytes = TestEntries.SignedOfVector("E1").Bytes.ToArray();
        var faults = new Dictionary<EntryFault, int>();
        foreach (byte[] mutated in Mutator.Mutate(bytes, 120_000, seed: 11))
        {
            // The signature is replaced by a cheap failure: what is tested is everything before it.
            EntryFault fault = ParsedPeerEntry.TryRead(mutated, out ParsedPeerEntry parsed)
                ? Judge(parsed)
                : EntryFault.Malformed;
            faults[fault] = faults.GetValueOrDefault(fault) + 1;
        }
        Assert.InRange(faults[EntryFault.Malformed], 10_000, 120_000);
        Assert.InRange(faults[EntryFault.NotCanonical], 1000, 120_000);
        Assert.InRange(faults[EntryFault.None], 1000, 120_000);

        static EntryFault Judge(ParsedPeerEntry parsed)
        {
            Assert.Equal(parsed.Layout.Length + Signature.Length, parsed.Bytes.Length);
            var reader = new PostcardReader(parsed.Bytes.Span[..parsed.Layout.Length], PostcardForm.Canonical);
            if (!PeerEntryLayout.TryRead(ref reader, out PeerEntryLayout canonical) || !reader.TryReadEnd())
                return EntryFault.NotCanonical;
            // What is canonical is what encoding its fields again gives: no other implementation sees other bytes.
            Assert.Equal(parsed.Layout, canonical);
            var entry = new PeerEntry(parsed.Bytes[..parsed.Layout.Length], canonical);
            PeerEntry again = PeerEntry.Create(entry.NetworkId, entry.Address, entry.Version)
                .AddTags(default, [.. entry.Tags]).AddStreams(default, [.. entry.Streams]).AddGroups(default, [.. entry.Groups]);
            Assert.Equal(entry.Tickets.Count, entry.Layout.TicketCount);
            if (entry.ProtocolVersion == PeerEntry.OwnProtocolVersion && entry.Tickets.IsEmpty)
                Assert.Equal(entry, again.WithVersion(entry.Version));
            return EntryFault.None;
        }
    }

    [Fact]
    public void Mutated_signatures_never_verify()
    {
        SignedPeerEntry signed = TestEntries.SignedOfVector("E1");
        var verifier = new SignatureVerifier(new SignatureCache());
        foreach (byte[] mutated in Mutator.Mutate(signed.Bytes.ToArray(), 2000, seed: 12, from: signed.Entry.Bytes.Length))
        {
            bool same = mutated.AsSpan().StartsWith(signed.Bytes.Span);
            Assert.Equal(same, SignedPeerEntry.TryDecode(mutated, verifier, out _) == EntryFault.None);
        }
    }

    [Fact]
    public void Mutated_departures_never_throw_and_none_verifies()
    {
        SecretKey key = TestEntries.Key(1);
        var writer = new PostcardWriter(new byte[256]);
        Departure.Sign(key, new PeerVersion(Start, Start), Now).Write(ref writer);
        byte[] bytes = writer.Written.ToArray();
        int read = 0;
        foreach (byte[] mutated in Mutator.Mutate(bytes, 100_000, seed: 13))
        {
            var reader = new PostcardReader(mutated);
            if (!Departure.TryRead(ref reader, out Departure? departure))
                continue;
            if (++read % 100 == 0)
                Assert.Equal(mutated.AsSpan().StartsWith(bytes), departure!.Verify(SignatureVerifier.Shared));
        }
        Assert.InRange(read, 1000, 100_000);
    }

    private sealed class HoursValidator(TicketClass ticketClass, DateTimeOffset now) : ITicketValidator
    {
        public TicketClass Class => ticketClass;

        public UniqueId Signature => UniqueId.Zero;

        public bool TryValidate(ReadOnlySpan<byte> ticket, PeerEntry peer, out Expiration expiration)
        {
            expiration = Expiration.After(now, TimeSpan.FromHours(ticket[0]));
            return true;
        }
    }
}
