using System.Diagnostics.CodeAnalysis;
using PolyType;
using PolyType.Abstractions;

namespace Mosaik.Postcard.Converters;

/// <summary>One variant of a union.</summary>
internal abstract class UnionCase<TUnion>(int tag)
{
    public uint Tag { get; } = (uint)tag;

    public abstract int MinimumSize { get; }

    public abstract void Write(ref PostcardWriter writer, in TUnion value);

    public abstract bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out TUnion value);
}

/// <summary>One variant of a union, held by its own type.</summary>
internal sealed class UnionCase<TCase, TUnion>(
    int tag, IMarshaler<TCase, TUnion> marshaler, PostcardConverter<TCase> converter) : UnionCase<TUnion>(tag)
{
    public override int MinimumSize => converter.MinimumSize;

    public override void Write(ref PostcardWriter writer, in TUnion value) =>
        converter.Write(ref writer, marshaler.Unmarshal(value)!); // the case index says that it is one

    public override bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out TUnion value)
    {
        value = default;
        if (!converter.TryRead(ref reader, out var read))
            return false;
        value = marshaler.Marshal(read)!; // not null, because what was read is not
        return true;
    }
}

/// <summary>
/// A closed hierarchy: the variant index (the tag of its <c>DerivedTypeShape</c>) and the variant's fields.
/// </summary>
internal sealed class UnionConverter<TUnion>(Getter<TUnion, int> getCaseIndex, UnionCase<TUnion>[] cases)
    : PostcardConverter<TUnion>
{
    private readonly UnionCase<TUnion>?[] _byTag = IndexByTag(cases);

    // The index; the fields of the smallest variant are left out, which keeps recursive unions finite.
    public override int MinimumSize => 1;

    public override void Write(ref PostcardWriter writer, in TUnion value)
    {
        if (value is null)
            Null.Refuse<TUnion>();
        var index = getCaseIndex(ref System.Runtime.CompilerServices.Unsafe.AsRef(in value));
        if ((uint)index >= (uint)cases.Length)
            PostcardWriter.Refuse($"{value.GetType()} is not a declared variant of {typeof(TUnion)}.");
        var unionCase = cases[index];
        writer.WriteVariant(unionCase.Tag);
        unionCase.Write(ref writer, in value);
    }

    public override bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out TUnion value)
    {
        var start = reader.Position;
        value = default;
        if (!reader.TryReadVariant((uint)_byTag.Length, out var tag))
            return false;
        return _byTag[tag] is { } unionCase
            ? unionCase.TryRead(ref reader, out value)
            : reader.Fail(PostcardError.InvalidVariant, start);
    }

    private static UnionCase<TUnion>?[] IndexByTag(UnionCase<TUnion>[] cases)
    {
        var table = new UnionCase<TUnion>?[cases.Length == 0 ? 0 : cases.Max(c => c.Tag) + 1];
        foreach (var unionCase in cases)
            table[unionCase.Tag] = unionCase;
        return table;
    }
}
