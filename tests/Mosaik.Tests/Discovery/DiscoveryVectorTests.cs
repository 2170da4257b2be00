using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;
using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Tests.Discovery;

/// <summary>Walks all of <c>discovery.json</c>.</summary>
public sealed class DiscoveryVectorTests
{
    private static readonly VectorFile File = VectorFile.Load("discovery.json");

    private static readonly PeerId Stranger = SecretKey.FromText("stranger").PeerId;

    [Fact]
    public void Every_category_is_walked()
    {
        string[] walked =
        [
            "entry", "entry-digest", "entry-signature", "entry-signed", "announce", "gossip-message-id", "version",
            "version-short", "version-next", "version-compare", "ticket", "ticket-encoding", "ticket-map", "sync-frame",
            "sync-frame-decode", "ping-frame", "departure-hash", "signed-reject", "upsert", "gossip-drift",
            "departure-decision", "rtt", "announce-delay",
        ];
        Assert.Empty(File.Categories.Except(walked));
    }

    [Fact]
    public void Entries()
    {
        foreach (Vector v in File.Of("entry"))
        {
            PeerEntry entry = TestEntries.FromInputs(v.Inputs);
            AssertBytes(v, v.Expected, entry.Bytes.Span);
            Assert.Equal(v.Json.GetProperty("length").GetInt32(), entry.Bytes.Length);
            // Back: every field reads as it was put in.
            SignedPeerEntry signed = entry.Sign(SecretKey.FromSeed(v.Bytes("seed")));
            Assert.True(SignedPeerEntry.TryDecode(signed.Bytes.Span, out SignedPeerEntry? decoded), v.Name);
            Assert.Equal(entry, decoded.Entry);
            Assert.Equal(entry.Address, decoded.Entry.Address);
            Assert.Equal(entry.Tags, decoded.Entry.Tags);
            Assert.Equal(entry.Streams, decoded.Entry.Streams);
            Assert.Equal(entry.Groups, decoded.Entry.Groups);
            Assert.Equal(entry.Tickets, decoded.Entry.Tickets);
            Assert.Equal(v.Text("protocol"), decoded.Entry.ProtocolVersion);
            Assert.Equal(NetworkId.From(v.Text("network")), decoded.NetworkId);
        }
    }

    [Fact]
    public void Digests_and_signatures()
    {
        foreach (Vector v in File.Of("entry-digest"))
            AssertBytes(v, v.Expected, TestEntries.OfVector(v.Text("entry")).Digest.AsSpan());
        foreach (Vector v in File.Of("entry-signature"))
        {
            SignedPeerEntry signed = TestEntries.OfVector(v.Text("entry")).Sign(SecretKey.FromSeed(v.Bytes("seed")));
            AssertBytes(v, v.Expected, signed.Signature.ToByteArray());
        }
        foreach (Vector v in File.Of("entry-signed"))
        {
            SignedPeerEntry signed = TestEntries.SignedOfVector(v.Text("entry"));
            AssertBytes(v, v.Expected, signed.Bytes.Span);
            Assert.True(SignedPeerEntry.TryDecode(v.Expected, out SignedPeerEntry? decoded), v.Name);
            Assert.Equal(signed, decoded);
            var converter = new SignedPeerEntryPostcardConverter();
            AssertBytes(v, v.Expected, converter.Encode(signed));
            Assert.Equal(PostcardError.None, converter.TryDecode(v.Expected, out _).Error);
        }
    }

    [Fact]
    public void Announcements()
    {
        foreach (Vector v in File.Of("announce"))
        {
            byte[] content = v.Text("variant") == "OwnEntryUpdate" ? OwnEntryUpdate(v) : GracefulDeparture(v);
            AssertBytes(v, v.Expected, content);
            Assert.Equal(v.Json.GetProperty("length").GetInt32(), content.Length);
        }
        foreach (Vector v in File.Of("gossip-message-id"))
            AssertBytes(v, v.Expected, UniqueId.Hash(File[v.Text("content")].Expected).AsSpan());
    }

    [Fact]
    public void Departure_hashes()
    {
        foreach (Vector v in File.Of("departure-hash"))
        {
            PeerId id = SecretKey.FromSeed(v.Bytes("seed")).PeerId;
            AssertBytes(v, v.Expected, Departure.Hash(id, Version(v), v.Int64("timestampMs")).AsSpan());
        }
    }

    [Fact]
    public void Versions()
    {
        foreach (Vector v in File.Of("version"))
        {
            PeerVersion version = Version(v);
            AssertBytes(v, v.Expected, Encode(version));
            var reader = new PostcardReader(v.Expected);
            Assert.True(PeerVersion.TryRead(ref reader, out PeerVersion decoded) && reader.IsAtEnd, v.Name);
            Assert.Equal(version, decoded);
            Assert.Equal(v.Json.GetProperty("text").GetString(), version.ToString());
        }
        foreach (Vector v in File.Of("version-short"))
            Assert.Equal(v.ExpectedText, Version(v).ToShortString());
        foreach (Vector v in File.Of("version-next"))
        {
            var highWater = new PeerVersion(v.Int64("start"), v.Int64("highWaterUpdate"));
            Assert.Equal(v.ExpectedText, highWater.Next(v.Int64("nowMs")).ToString());
        }
        foreach (Vector v in File.Of("version-compare"))
        {
            int expected = v.ExpectedResult.GetInt32();
            PeerVersion left = Version(v.Inputs.GetProperty("left")), right = Version(v.Inputs.GetProperty("right"));
            Assert.Equal(expected, Math.Sign(left.CompareTo(right)));
            Assert.Equal(expected > 0, left.IsNewerThan(right));
        }
    }

    [Fact]
    public void Tickets()
    {
        foreach (Vector v in File.Of("ticket"))
            AssertBytes(v, v.Expected, new Ticket(v.Text("class"), v.Bytes("data")).Id.AsSpan());
        foreach (Vector v in File.Of("ticket-encoding"))
        {
            var ticket = new Ticket(v.Text("class"), v.Bytes("data"));
            // A ticket stands in an entry behind its key.
            PeerEntry entry = TestEntries.MakeUnsigned(1, 1, 1).AddTicket(default, ticket);
            AssertBytes(v, v.Expected, entry.Bytes.Span[(entry.Layout.TicketsStart + UniqueId.Length)..]);
        }
        foreach (Vector v in File.Of("ticket-map"))
        {
            var writer = new PostcardWriter([]);
            PeerEntry.WriteTickets(ref writer, TestEntries.TicketMap(v.Inputs));
            AssertBytes(v, v.Expected, writer.Written);
            writer.Dispose();
        }
    }

    [Fact]
    public void Sync_frames()
    {
        foreach (Vector v in File.Of("sync-frame"))
        {
            SignedPeerEntry[] entries = [.. v.Inputs.GetProperty("entries").EnumerateArray().Select(EntryOf)];
            var payload = new ArrayBufferWriter<byte>();
            CatalogSnapshot.Codec.Instance.Encode(CatalogSnapshot.Of(entries), payload);
            AssertBytes(v, v.Expected, Frame(payload.WrittenSpan));
            Assert.True(Scan(v.Expected, out SnapshotScan scan), v.Name);
            Assert.Equal(entries.Length, scan.Candidates.Count + scan.Refused.Count);
            SignedPeerEntry[] verified = [.. scan.Candidates.Select(Verify).OfType<SignedPeerEntry>()];
            Assert.Equal(entries.Where(e => e.NetworkId == TestEntries.Network), verified);
        }
    }

    [Fact]
    public void Sync_frames_that_are_only_decoded()
    {
        foreach (Vector v in File.Of("sync-frame-decode"))
        {
            Assert.True(Scan(v.Bytes("bytes"), out SnapshotScan scan), v.Name);
            PeerId[] accepted = [.. scan.Candidates.Select(Verify).OfType<SignedPeerEntry>().Select(e => e.Id)];
            PeerId[] expected = v.ExpectedResult.GetString() switch
            {
                "accepted" => [.. scan.Candidates.Select(c => c.Id)],
                "EB accepted, second entry dropped (signature)" => [TestEntries.OfVector("EB").Id],
                var text => throw new NotSupportedException(text),
            };
            Assert.Equal(expected, accepted);
            Assert.NotEmpty(accepted);
        }
    }

    [Fact]
    public void Ping_frames()
    {
        foreach (Vector v in File.Of("ping-frame"))
        {
            ReadOnlySpan<byte> payload = v.Text("role") switch
            {
                "request" => default,
                "response" => TestEntries.SignedOfVector(v.Text("entry")).Bytes.Span,
                var role => throw new NotSupportedException(role),
            };
            AssertBytes(v, v.Expected, Frame(payload));
        }
    }

    [Fact]
    public void Signed_entries_that_are_refused()
    {
        foreach (Vector v in File.Of("signed-reject"))
        {
            EntryFault expected = v.ExpectedError switch
            {
                "signature" => EntryFault.Signature,
                "end-of-input" => EntryFault.Malformed,
                "non-canonical" => EntryFault.NotCanonical,
                var error => throw new NotSupportedException(error),
            };
            EntryFault fault = SignedPeerEntry.TryDecode(v.Bytes("bytes"), SignatureVerifier.Shared, out SignedPeerEntry? entry);
            Assert.True(expected == fault, $"{v}: {fault}");
            Assert.Null(entry);
            Assert.False(SignedPeerEntry.TryDecode(v.Bytes("bytes"), out _));
            Assert.NotEqual(PostcardError.None, new SignedPeerEntryPostcardConverter().TryDecode(v.Bytes("bytes"), out _).Error);
        }
    }

    [Fact]
    public void Upsert_decisions()
    {
        foreach (Vector v in File.Of("upsert"))
        {
            var options = new DiscoveryOptions
            {
                PurgeAfter = TimeSpan.FromMilliseconds(v.Int64("purgeAfterMs")),
                MaxTimeDrift = TimeSpan.FromMilliseconds(v.Int64("maxTimeDriftMs")),
            };
            long now = v.Int64("nowMs");
            PeerVersion incoming = Version(v.Inputs.GetProperty("incoming"));
            PeerVersion? known = v.Inputs.GetProperty("known") is { ValueKind: JsonValueKind.Array } k ? Version(k) : null;
            NetworkId network = v.Inputs.GetProperty("sameNetwork").GetBoolean() ? TestEntries.Network : "other-app";

            var store = new CatalogStore(TestEntries.Network, TestEntries.Key(0).PeerId, options);
            // What is known was stored when it was not stale yet.
            if (known is { } k2)
                Assert.Equal(UpsertResult.New, store.Upsert(TestEntries.Make(1, k2.Start, k2.Update), k2.Update));
            if (v.Inputs.GetProperty("tombstoneStart") is { ValueKind: JsonValueKind.String } tombstone)
            {
                store.Depart(TestEntries.Key(1).PeerId, new PeerVersion(Vector.Int64(tombstone), now), now, now);
                Assert.True(store.Publish());
            }
            UpsertResult result = store.Upsert(TestEntries.Make(1, incoming.Start, incoming.Update, network), now);
            Assert.True(v.ExpectedResult.GetString() == result.ToString(), $"{v}: {result}");
            // The plain check that comes before verification says the same, or leaves it to the signature.
            UpsertResult? precheck = UpsertRules.Precheck(
                network == TestEntries.Network,
                false,
                incoming,
                known,
                v.Inputs.GetProperty("tombstoneStart") is { ValueKind: JsonValueKind.String } start ? Vector.Int64(start) : null,
                new CatalogTimes(now, options.PurgeAfterMs, options.MaxTimeDriftMs));
            Assert.Equal(result is UpsertResult.New or UpsertResult.Updated ? null : result, precheck);
        }
    }

    [Fact]
    public void Drift_of_gossip()
    {
        foreach (Vector v in File.Of("gossip-drift"))
        {
            var times = new CatalogTimes(v.Int64("nowMs"), 300_000, v.Int64("maxTimeDriftMs"));
            bool accepted = UpsertRules.IsWithinDrift(v.Int64("updateMs"), times);
            Assert.Equal(v.ExpectedResult.GetString(), accepted ? "accept" : "drop");
        }
    }

    [Fact]
    public void Departure_decisions()
    {
        foreach (Vector v in File.Of("departure-decision"))
        {
            long now = v.Int64("nowMs");
            PeerVersion? known = v.Inputs.GetProperty("known") is { ValueKind: JsonValueKind.Array } k ? Version(k) : null;
            DepartureDecision decision = UpsertRules.Depart(
                Version(v.Inputs.GetProperty("lastVersion")),
                v.Int64("timestampMs"),
                known,
                new CatalogTimes(now, 300_000, v.Int64("maxTimeDriftMs")));
            DepartureDecision expected = v.ExpectedResult.GetString() switch
            {
                "removed" => DepartureDecision.Removed,
                "ignored" => DepartureDecision.Ignored,
                "dropped" => DepartureDecision.Dropped,
                "tombstone-only" => DepartureDecision.TombstoneOnly,
                var text => throw new NotSupportedException(text),
            };
            Assert.True(expected == decision, $"{v}: {decision}");
        }
    }

    [Fact]
    public void Round_trip_times()
    {
        foreach (Vector v in File.Of("rtt"))
        {
            JsonElement samples = v.Inputs.GetProperty("samplesNs");
            long[] all = samples.ValueKind == JsonValueKind.Array
                ? [.. samples.EnumerateArray().Select(Vector.Int64)]
                : [
                    Vector.Int64(samples.GetProperty("first")),
                    .. Enumerable.Repeat(Vector.Int64(samples.GetProperty("then")), samples.GetProperty("count").GetInt32()),
                ];
            RttEstimate estimate = all.Skip(1).Aggregate(RttEstimate.First(all[0]), (e, sample) => e.Next(sample));
            Assert.Equal(Vector.Int64(v.ExpectedResult.GetProperty("srttNs")), estimate.SmoothedNs);
            Assert.Equal(Vector.Int64(v.ExpectedResult.GetProperty("rttvarNs")), estimate.VarianceNs);
        }
    }

    [Fact]
    public void Announce_delays()
    {
        foreach (Vector v in File.Of("announce-delay"))
        {
            TimeSpan delay = AnnounceClock.Delay(
                TimeSpan.FromMilliseconds(v.Int64("intervalMs")),
                v.Inputs.GetProperty("jitter").GetDouble(),
                v.Inputs.GetProperty("uniform01").GetDouble());
            Assert.Equal(v.ExpectedResult.GetDouble(), delay.TotalMilliseconds);
        }
    }

    private static byte[] OwnEntryUpdate(Vector v) => [0, .. TestEntries.SignedOfVector(v.Text("entry")).Bytes.Span];

    private static byte[] GracefulDeparture(Vector v)
    {
        SecretKey key = SecretKey.FromSeed(v.Bytes("seed"));
        Departure departure = Departure.Sign(key, Version(v), v.Text("timestamp"), v.Int64("timestampMs"));
        // Read back from the expected bytes: text, milliseconds and signature survive.
        var reader = new PostcardReader(v.Expected.AsSpan(1));
        Assert.True(Departure.TryRead(ref reader, out Departure? decoded) && reader.IsAtEnd, v.Name);
        Assert.Equal(departure, decoded);
        Assert.True(decoded!.Verify(SignatureVerifier.Shared), v.Name);
        // What we write ourselves has 3 digits of fraction or none.
        if (v.Text("timestamp").Length <= 24)
        {
            var own = Departure.Sign(key, Version(v), DateTimeOffset.FromUnixTimeMilliseconds(v.Int64("timestampMs")));
            Assert.Equal(departure, own);
        }
        var writer = new PostcardWriter(new byte[256]);
        writer.WriteVariant(1);
        departure.Write(ref writer);
        return writer.Written.ToArray();
    }

    private static SignedPeerEntry EntryOf(JsonElement element) => element.ValueKind == JsonValueKind.String
        ? TestEntries.SignedOfVector(element.GetString()!)
        : TestEntries.FromInputs(element).Sign(SecretKey.FromSeed(Convert.FromHexString(element.GetProperty("seed").GetString()!)));

    private static bool Scan(byte[] frame, out SnapshotScan scan)
    {
        Assert.Equal(frame.Length - 4, BinaryPrimitives.ReadInt32BigEndian(frame));
        var state = new CatalogState
        {
            Network = TestEntries.Network,
            Self = TestEntries.Key(0).PeerId,
            Options = new DiscoveryOptions(),
        };
        return SnapshotScan.TryScan(
            frame.AsMemory(4), state, default, Stranger, 1760000001000, out scan, out DecodeError _);
    }

    private static SignedPeerEntry? Verify(ParsedPeerEntry candidate)
    {
        candidate.TryVerify(SignatureVerifier.Shared, out SignedPeerEntry? entry);
        return entry;
    }

    private static byte[] Frame(ReadOnlySpan<byte> payload)
    {
        byte[] frame = new byte[4 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length);
        payload.CopyTo(frame.AsSpan(4));
        return frame;
    }

    private static byte[] Encode(PeerVersion version)
    {
        var writer = new PostcardWriter(new byte[32]);
        version.Write(ref writer);
        return writer.Written.ToArray();
    }

    private static PeerVersion Version(Vector v) => new(v.Int64("start"), v.Int64("update"));

    private static PeerVersion Version(JsonElement pair) => new(Vector.Int64(pair[0]), Vector.Int64(pair[1]));

    private static void AssertBytes(Vector v, ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual) =>
        Assert.True(
            expected.SequenceEqual(actual), $"{v}: {Convert.ToHexStringLower(actual)} instead of {Convert.ToHexStringLower(expected)}");
}
