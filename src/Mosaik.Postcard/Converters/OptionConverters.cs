using System.Diagnostics.CodeAnalysis;
using PolyType.Abstractions;

namespace Mosaik.Postcard.Converters;

/// <summary>
/// <c>T?</c> of a value type, and other option types the shape provider knows: 0, or 1 and the value.
/// </summary>
internal sealed class OptionConverter<TOption, T>(
    OptionDeconstructor<TOption, T> deconstruct,
    Func<TOption> createNone,
    Func<T, TOption> createSome,
    PostcardConverter<T> element) : PostcardConverter<TOption>
{
    public override int MinimumSize => 1;

    public override void Write(ref PostcardWriter writer, in TOption value)
    {
        var isSome = deconstruct(value, out var inner);
        writer.WriteOption(isSome);
        if (isSome)
            element.Write(ref writer, in inner!); // set, because the deconstructor said so
    }

    public override bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out TOption value)
    {
        value = default;
        if (!reader.TryReadOption(out var isSome))
            return false;
        if (!isSome)
        {
            value = createNone();
            return true;
        }

        if (!element.TryRead(ref reader, out var inner))
            return false;
        value = createSome(inner);
        return true;
    }
}

/// <summary><see cref="Optional{T}"/>: 0, or 1 and the value.</summary>
internal sealed class OptionalConverter<T>(PostcardConverter<T> element) : PostcardConverter<Optional<T>>
{
    public override int MinimumSize => 1;

    public override void Write(ref PostcardWriter writer, in Optional<T> value)
    {
        writer.WriteOption(value.HasValue);
        if (value.HasValue)
            element.Write(ref writer, value.Value);
    }

    public override bool TryRead(ref PostcardReader reader, out Optional<T> value)
    {
        value = default;
        if (!reader.TryReadOption(out var isSome))
            return false;
        if (!isSome)
            return true;
        if (!element.TryRead(ref reader, out var inner))
            return false;
        value = new Optional<T>(inner);
        return true;
    }
}
