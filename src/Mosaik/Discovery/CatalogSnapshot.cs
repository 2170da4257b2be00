using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Mosaik.Networking;
using Mosaik.Postcard;
using Mosaik.Quic;

namespace Mosaik.Discovery;

/// <summary>
/// What one side of a catalog sync sends: varint count ‖ signed entries, ascending by peer id (spec/discovery.md §9.1).
/// Entries are written as the spans they are stored as.
/// </summary>
internal sealed class CatalogSnapshot
{
    private readonly IReadOnlyList<SignedPeerEntry> _entries;

    private CatalogSnapshot(IReadOnlyList<SignedPeerEntry> entries) => _entries = entries;

    public int Count => _entries.Count;

    /// <summary>A snapshot of some entries, ascending by peer id.</summary>
    public static CatalogSnapshot Of(IReadOnlyList<SignedPeerEntry> ascending) => new(ascending);

    /// <summary>
    /// All entries if they fit the frame limit, otherwise the own one and a random subset that fits (spec/discovery.md
    /// §9.2).
    /// </summary>
    public static CatalogSnapshot Fitting(
        IReadOnlyList<SignedPeerEntry> ascending, SignedPeerEntry own, long maxBytes, RandomSource random)
    {
        long size = MaxCountLength + ascending.Sum(static e => (long)e.Bytes.Length);
        if (size <= maxBytes)
            return new CatalogSnapshot(ascending);
        SignedPeerEntry[] shuffled = [.. ascending.Where(e => e.Id != own.Id)];
        for (int i = shuffled.Length - 1; i > 0; i--)
        {
            int other = random.NextBelow(i + 1);
            (shuffled[i], shuffled[other]) = (shuffled[other], shuffled[i]);
        }
        var chosen = new List<SignedPeerEntry> { own };
        long room = maxBytes - MaxCountLength - own.Bytes.Length;
        foreach (SignedPeerEntry entry in shuffled)
        {
            if (entry.Bytes.Length > room)
                continue;
            room -= entry.Bytes.Length;
            chosen.Add(entry);
        }
        chosen.Sort(static (x, y) => x.Id.CompareTo(y.Id));
        return new CatalogSnapshot(chosen);
    }

    private const int MaxCountLength = 10;

    private void Write(IBufferWriter<byte> destination)
    {
        var writer = new PostcardWriter(destination.GetSpan(MaxCountLength));
        writer.WriteCount(_entries.Count);
        destination.Advance(writer.Position);
        foreach (SignedPeerEntry entry in _entries)
            destination.Write(entry.Bytes.Span);
    }

    /// <summary>
    /// Writes snapshots directly behind the frame header. Reading is <see cref="SnapshotScan"/>, on the received bytes.
    /// </summary>
    internal sealed class Codec : IFrameCodec<CatalogSnapshot>
    {
        public static Codec Instance { get; } = new();

        public void Encode(CatalogSnapshot value, IBufferWriter<byte> destination) => value.Write(destination);

        public bool TryDecode(
            ReadOnlySpan<byte> payload, [MaybeNullWhen(false)] out CatalogSnapshot value, out DecodeError error) =>
            throw new NotSupportedException("A snapshot is scanned, not decoded.");
    }
}
