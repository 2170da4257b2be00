using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>What a gossip message of the network's topic says (spec/discovery.md §8.1).</summary>
/// <remarks>
/// <c>00</c> ‖ signed peer entry, or <c>01</c> ‖ departure; no length in front, bytes behind are ignored. Reading walks
/// the structure only: nothing is verified.
/// </remarks>
internal static class Announcement
{
    /// <summary>The longest content under the default limit of gossip frames.</summary>
    public const int DefaultMaxLength = 4057;

    /// <summary>From so many bytes below the limit on, a person is warned.</summary>
    public const int WarnMargin = DefaultMaxLength - 4000;

    private const uint OwnEntryUpdate = 0;
    private const uint GracefulDeparture = 1;

    /// <summary>How long the announcement of an entry is.</summary>
    public static int LengthOf(SignedPeerEntry entry) => 1 + entry.Bytes.Length;

    /// <summary>The announcement of an entry: always the same bytes for the same entry.</summary>
    public static byte[] Encode(SignedPeerEntry entry)
    {
        byte[] content = new byte[LengthOf(entry)];
        content[0] = (byte)OwnEntryUpdate;
        entry.Bytes.Span.CopyTo(content.AsSpan(1));
        return content;
    }

    /// <summary>The announcement of a departure.</summary>
    public static byte[] Encode(Departure departure)
    {
        var writer = new PostcardWriter(stackalloc byte[256]);
        try
        {
            writer.WriteVariant(GracefulDeparture);
            departure.Write(ref writer);
            return writer.Written.ToArray();
        }
        finally
        {
            writer.Dispose();
        }
    }

    /// <summary>Walks a content; false when it is neither of the two.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> content, out ParsedPeerEntry? entry, out Departure? departure)
    {
        (entry, departure) = (null, null);
        var reader = new PostcardReader(content.Span);
        if (!reader.TryReadVariant(2, out uint variant))
            return false;
        if (variant == GracefulDeparture)
            return Departure.TryRead(ref reader, out departure);
        if (!ParsedPeerEntry.TryRead(content[reader.Position..], out ParsedPeerEntry parsed))
            return false;
        entry = parsed;
        return true;
    }

    /// <summary>
    /// Whether the content is the stored entry of its peer byte by byte; looks no further than the peer id otherwise.
    /// </summary>
    public static bool IsStored(ReadOnlyMemory<byte> content, CatalogState state)
    {
        if (content.IsEmpty || content.Span[0] != OwnEntryUpdate)
            return false;
        ReadOnlySpan<byte> bytes = content.Span[1..];
        var reader = new PostcardReader(bytes);
        return PeerEntryLayout.TryReadHead(ref reader, out PeerEntryLayout layout)
            && state.Signed.TryGetValue(
                PeerId.FromRawUnchecked(bytes.Slice(layout.AddressStart, PeerId.Length)), out SignedPeerEntry? stored)
            && bytes.SequenceEqual(stored.Bytes.Span);
    }

    /// <summary>
    /// Steps 2–4 of §8.4 as far as they need no signature; null when the entry is worth a verification.
    /// </summary>
    public static UpsertResult? Precheck(in ParsedPeerEntry entry, CatalogState state, PeerVersion ownHighWater, long nowMs)
    {
        if (entry.NetworkId != state.Network)
            return UpsertResult.DifferentNetwork;
        if (!UpsertRules.IsWithinDrift(entry.Version.Update, state.TimesAt(nowMs)))
            return entry.Version.Update > nowMs ? UpsertResult.FromFuture : UpsertResult.Outdated;
        UpsertResult? refused = state.Precheck(entry.Id, entry.NetworkId, entry.Version, nowMs);
        return refused == UpsertResult.Self && entry.Version.IsNewerThan(ownHighWater) ? null : refused;
    }

    /// <summary>The same of a departure (§12.1): whether its signature is worth a look.</summary>
    public static bool IsWorthVerifying(Departure departure, CatalogState state, long nowMs) =>
        departure.PeerId != state.Self
        && UpsertRules.Depart(
            departure.LastVersion,
            departure.TimestampMs,
            state.Signed.TryGetValue(departure.PeerId, out SignedPeerEntry? known) ? known.Version : null,
            state.TimesAt(nowMs)) is DepartureDecision.Removed or DepartureDecision.TombstoneOnly;
}
