using System.Runtime.InteropServices;
using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// A received entry whose structure has been walked and whose signature has not been looked at. Enough to decide
/// whether it
/// is worth a verification; nothing outside of this room ever sees one.
/// </summary>
/// <param name="Bytes">Entry and signature, in the receive buffer.</param>
/// <param name="Layout">Where its fields are.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ParsedPeerEntry(ReadOnlyMemory<byte> Bytes, PeerEntryLayout Layout)
{
    /// <summary>The largest entry with signature that is looked at (spec/reliability.md §12.1).</summary>
    public const int MaxLength = 256 * 1024;

    public PeerVersion Version => Layout.Version;

    public PeerId Id => PeerId.FromRawUnchecked(Bytes.Span.Slice(Layout.AddressStart, PeerId.Length));

    public NetworkId NetworkId => NetworkId.FromRaw(Bytes.Span.Slice(Layout.NetworkStart, UniqueId.Length));

    /// <summary>Walks an entry and its signature at the beginning of a buffer; bytes after them are ignored.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> buffer, out ParsedPeerEntry entry)
    {
        var reader = new PostcardReader(buffer.Span);
        entry = default;
        if (!PeerEntryLayout.TryRead(ref reader, out PeerEntryLayout layout) || !reader.TryReadRaw(Signature.Length, out _))
            return false;
        entry = new ParsedPeerEntry(buffer[..reader.Position], layout);
        return true;
    }

    /// <summary>Canonical form, key and signature, in this order (spec/discovery.md §2.3).</summary>
    public EntryFault TryVerify(SignatureVerifier verifier, out SignedPeerEntry? verified)
    {
        verified = null;
        if (Bytes.Length > MaxLength)
            return EntryFault.TooLarge;
        Signature signature = Signature.FromRaw(Bytes.Span[Layout.Length..]);
        if (verifier.TryRecall(signature, Bytes.Span, out verified))
            return EntryFault.None; // the same bytes, so they are canonical as well, and have the same digest
        ReadOnlySpan<byte> entry = Bytes.Span[..Layout.Length];
        UniqueId digest = UniqueId.Hash(entry);
        var reader = new PostcardReader(entry, PostcardForm.Canonical);
        if (!PeerEntryLayout.TryRead(ref reader, out _) || !reader.TryReadEnd())
            return EntryFault.NotCanonical;
        if (!verifier.Verify(Id, digest, signature))
            return EntryFault.Signature;
        // A copy of its own: the entry outlives the frame it came in.
        verified = new SignedPeerEntry(Bytes.ToArray(), Layout, digest, signature);
        verifier.Keep(verified);
        return EntryFault.None;
    }
}
