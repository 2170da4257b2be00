using System.Diagnostics.CodeAnalysis;
using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>Postcard form of a signed entry inside other messages: its own bytes; verified when read.</summary>
internal sealed class SignedPeerEntryPostcardConverter : PostcardConverter<SignedPeerEntry>
{
    /// <summary>The fewest bytes: empty protocol and sets, one-byte varints (a valid entry is longer).</summary>
    public override int MinimumSize => 1 + UniqueId.Length + 2 + PeerId.Length + 5 + Signature.Length;

    public override void Write(ref PostcardWriter writer, in SignedPeerEntry value) => writer.WriteRaw(value.Bytes.Span);

    public override bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out SignedPeerEntry value)
    {
        int start = reader.Position;
        if (!PeerEntryLayout.TryRead(ref reader, out PeerEntryLayout layout) || !reader.TryReadRaw(Signature.Length, out _))
        {
            value = null;
            return false;
        }
        byte[] bytes = reader.Slice(start, reader.Position).ToArray();
        EntryFault fault = new ParsedPeerEntry(bytes, layout).TryVerify(SignatureVerifier.Shared, out value);
        return fault == EntryFault.None
            || reader.Fail(fault == EntryFault.NotCanonical ? PostcardError.NotCanonical : PostcardError.InvalidValue, start);
    }
}
