using Mosaik.Networking;
using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// A received catalog snapshot, sorted into entries that are worth a verification and entries that are not
/// (spec/discovery.md §9.4, §18).
/// </summary>
/// <remarks>
/// An entry whose bytes equal the stored ones is passed over after its peer id: no parsing, no hashing, no
/// verification. Every
/// other one is walked, and judged by its plain fields against the catalog as it is now. Reads the frame in place; the
/// candidates are valid as long as the frame is.
/// </remarks>
internal sealed class SnapshotScan
{
    /// <summary>Most entries of one snapshot that are looked at (spec/reliability.md §12.1).</summary>
    public const int MaxEntries = 10_000;

    /// <summary>Empty protocol and sets, one-byte varints, and a signature.</summary>
    private const int MinimumEntrySize = 1 + UniqueId.Length + 2 + PeerId.Length + 5 + Signature.Length;

    private readonly List<ParsedPeerEntry> _candidates = [];
    private readonly List<(PeerId Id, UpsertResult Result)> _refused = [];

    private SnapshotScan()
    {
    }

    /// <summary>Entries that would be stored if they verify, and newer ones about ourselves.</summary>
    public IReadOnlyList<ParsedPeerEntry> Candidates => _candidates;

    /// <summary>What became of the others, except for those that are known byte by byte.</summary>
    public IReadOnlyList<(PeerId Id, UpsertResult Result)> Refused => _refused;

    /// <summary>How many entries are known byte by byte.</summary>
    public int Known { get; private set; }

    /// <summary>The network the sender says it belongs to; null when its own entry is not in its snapshot.</summary>
    public NetworkId? SenderNetwork { get; private set; }

    /// <summary>Walks a snapshot; false when the list cannot be walked.</summary>
    public static bool TryScan(
        ReadOnlyMemory<byte> payload,
        CatalogState state,
        PeerVersion ownHighWater,
        PeerId sender,
        long nowMs,
        out SnapshotScan scan,
        out DecodeError error)
    {
        scan = new SnapshotScan();
        var reader = new PostcardReader(payload.Span);
        if (!reader.TryReadCount(MinimumEntrySize, out int count))
        {
            error = new DecodeError($"snapshot count: {reader.Error}", reader.ErrorOffset);
            return false;
        }
        for (int i = 0; i < Math.Min(count, MaxEntries); i++)
        {
            if (!scan.TryTake(ref reader, payload, state, ownHighWater, sender, nowMs))
            {
                error = new DecodeError($"snapshot entry {i}: {reader.Error}", reader.ErrorOffset);
                return false;
            }
        }
        error = default;
        return true;
    }

    private bool TryTake(
        ref PostcardReader reader,
        ReadOnlyMemory<byte> payload,
        CatalogState state,
        PeerVersion ownHighWater,
        PeerId sender,
        long nowMs)
    {
        int start = reader.Position;
        if (!PeerEntryLayout.TryReadHead(ref reader, out PeerEntryLayout layout))
            return false;
        PeerId id = PeerId.FromRawUnchecked(payload.Span.Slice(start + layout.AddressStart, PeerId.Length));
        if (state.Signed.TryGetValue(id, out SignedPeerEntry? stored) && payload.Span[start..].StartsWith(stored.Bytes.Span))
        {
            Known++;
            if (id == sender)
                SenderNetwork ??= stored.NetworkId;
            return reader.TryReadRaw(stored.Bytes.Length - (reader.Position - start), out _);
        }
        if (!PeerEntryLayout.TryReadRest(ref reader, ref layout) || !reader.TryReadRaw(Signature.Length, out _))
            return false;
        var entry = new ParsedPeerEntry(payload[start..reader.Position], layout);
        if (id == sender && (SenderNetwork is null || entry.NetworkId != state.Network))
            SenderNetwork = entry.NetworkId; // a foreign one weighs more than one of ours beside it
        UpsertResult? refused = entry.Bytes.Length > ParsedPeerEntry.MaxLength
            ? UpsertResult.Invalid
            : state.Precheck(id, entry.NetworkId, layout.Version, nowMs);
        if (refused is null || (refused == UpsertResult.Self && layout.Version.IsNewerThan(ownHighWater)))
            _candidates.Add(entry);
        else
            _refused.Add((id, refused.Value));
        return true;
    }
}
