using Mosaik.Postcard;

namespace Mosaik.Primitives;

/// <summary>
/// Postcard form of every identifier: 32 raw bytes, no length. A <see cref="PeerId"/> must be a point of the curve.
/// </summary>
/// <typeparam name="T">The identifier type.</typeparam>
internal sealed class IdentifierPostcardConverter<T> : PostcardConverter<T>
    where T : struct, IIdentifier<T>
{
    public override int MinimumSize => UniqueId.Length;

    public override void Write(ref PostcardWriter writer, in T value) => value.CopyTo(writer.Take(UniqueId.Length));

    public override bool TryRead(ref PostcardReader reader, out T value)
    {
        int start = reader.Position;
        value = default;
        return reader.TryReadRaw(UniqueId.Length, out ReadOnlySpan<byte> raw)
            && (T.TryFromRaw(raw, out value) || reader.Fail(PostcardError.InvalidValue, start));
    }
}
