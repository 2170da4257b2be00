using Mosaik.Postcard;

namespace Mosaik.Primitives;

/// <summary>Postcard form of a signature: 64 raw bytes, no length.</summary>
internal sealed class SignaturePostcardConverter : PostcardConverter<Signature>
{
    public override int MinimumSize => Signature.Length;

    public override void Write(ref PostcardWriter writer, in Signature value) => value.CopyTo(writer.Take(Signature.Length));

    public override bool TryRead(ref PostcardReader reader, out Signature value)
    {
        bool read = reader.TryReadRaw(Signature.Length, out ReadOnlySpan<byte> raw);
        value = read ? Signature.FromRaw(raw) : default;
        return read;
    }
}
