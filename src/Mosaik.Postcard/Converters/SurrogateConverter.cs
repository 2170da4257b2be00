using System.Diagnostics.CodeAnalysis;
using PolyType;

namespace Mosaik.Postcard.Converters;

/// <summary>A type that is written as another one, which its shape names.</summary>
internal sealed class SurrogateConverter<T, TSurrogate>(
    IMarshaler<T, TSurrogate> marshaler, PostcardConverter<TSurrogate> converter) : PostcardConverter<T>
{
    public override int MinimumSize => converter.MinimumSize;

    public override void Write(ref PostcardWriter writer, in T value)
    {
        var surrogate = marshaler.Marshal(value);
        if (surrogate is null)
            Null.Refuse<TSurrogate>();
        converter.Write(ref writer, in surrogate);
    }

    public override bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out T value)
    {
        value = default;
        var start = reader.Position;
        if (!converter.TryRead(ref reader, out var surrogate))
            return false;
        value = marshaler.Unmarshal(surrogate);
        return value is not null || reader.Fail(PostcardError.InvalidValue, start);
    }
}
