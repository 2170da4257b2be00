using System.Diagnostics.CodeAnalysis;
using PolyType.Abstractions;

namespace Mosaik.Postcard.Converters;

/// <summary>The converter of a built-in type: its codec, inlined into every loop and member that uses it.</summary>
internal class ValueConverter<T, TCodec> : PostcardConverter<T>
    where TCodec : struct, IValueCodec<T>
{
    public sealed override int MinimumSize => TCodec.MinimumSize;

    public sealed override void Write(ref PostcardWriter writer, in T value) => TCodec.Write(ref writer, value);

    public sealed override bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out T value) =>
        TCodec.TryRead(ref reader, out value);

    public override void WriteMany(ref PostcardWriter writer, scoped ReadOnlySpan<T> values)
    {
        foreach (var value in values)
            TCodec.Write(ref writer, value);
    }

    public override bool TryReadMany(ref PostcardReader reader, scoped Span<T> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            if (!TCodec.TryRead(ref reader, out values[i]!))
                return false;
        }

        return true;
    }

    internal sealed override MemberWriter<TOwner> CreateMemberWriter<TOwner>(Getter<TOwner, T> getter) =>
        new ValueMemberWriter<TOwner, T, TCodec>(getter);

    internal sealed override MemberReader<TOwner> CreateMemberReader<TOwner>(Setter<TOwner, T> setter) =>
        new ValueMemberReader<TOwner, T, TCodec>(setter);
}
