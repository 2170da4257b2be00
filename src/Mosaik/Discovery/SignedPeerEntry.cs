using System.Diagnostics.CodeAnalysis;
using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// A peer entry with the signature of the node it speaks of. An instance that was not verified cannot exist.
/// </summary>
/// <remarks>
/// Keeps the bytes it came in: passing it on never encodes it again (spec/discovery.md §2.3). On the wire: the entry's
/// bytes
/// and 64 bytes of signature over BLAKE3 of them, without prefix.
/// </remarks>
[PostcardConverter(typeof(SignedPeerEntryPostcardConverter))]
public sealed class SignedPeerEntry : IEquatable<SignedPeerEntry>
{
    internal SignedPeerEntry(ReadOnlyMemory<byte> bytes, in PeerEntryLayout layout, UniqueId digest, Signature signature)
    {
        Bytes = bytes;
        Digest = digest;
        Signature = signature;
        Entry = new PeerEntry(bytes[..layout.Length], layout);
    }

    /// <summary>What was signed.</summary>
    public PeerEntry Entry { get; }

    /// <summary>The signature over <see cref="Digest"/>.</summary>
    public Signature Signature { get; }

    /// <summary>BLAKE3 of the entry's bytes.</summary>
    public UniqueId Digest { get; }

    /// <summary>Entry and signature as they are on the wire.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>The node.</summary>
    public PeerId Id => Entry.Id;

    /// <summary>The network it belongs to.</summary>
    public NetworkId NetworkId => Entry.NetworkId;

    /// <summary>The version of the entry.</summary>
    public PeerVersion Version => Entry.Version;

    /// <summary>Decodes and verifies; bytes after the signature are ignored.</summary>
    /// <param name="bytes">The bytes, possibly from a stranger.</param>
    /// <param name="entry">The entry.</param>
    /// <returns>False when the bytes are malformed or not canonical, or the signature does not verify.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out SignedPeerEntry? entry) =>
        TryDecode(bytes.ToArray(), SignatureVerifier.Shared, out entry) == EntryFault.None && entry is not null;

    internal static EntryFault TryDecode(ReadOnlyMemory<byte> bytes, SignatureVerifier verifier, out SignedPeerEntry? entry)
    {
        entry = null;
        return ParsedPeerEntry.TryRead(bytes, out ParsedPeerEntry parsed)
            ? parsed.TryVerify(verifier, out entry)
            : EntryFault.Malformed;
    }

    internal static SignedPeerEntry Sign(PeerEntry entry, SecretKey secretKey)
    {
        UniqueId digest = entry.Digest;
        Signature signature = secretKey.Sign(digest.AsSpan());
        byte[] bytes = new byte[entry.Bytes.Length + Signature.Length];
        entry.Bytes.Span.CopyTo(bytes);
        signature.CopyTo(bytes.AsSpan(entry.Bytes.Length));
        return new SignedPeerEntry(bytes, entry.Layout, digest, signature);
    }

    /// <inheritdoc/>
    public bool Equals(SignedPeerEntry? other) => other is not null && Bytes.Span.SequenceEqual(other.Bytes.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SignedPeerEntry);

    /// <inheritdoc/>
    public override int GetHashCode() => Digest.GetHashCode();

    /// <summary>Short id and version, for logs.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => Entry.ToString();
}
