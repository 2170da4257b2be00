using PolyType.Abstractions;

namespace Mosaik.Postcard.Converters;

/// <summary>Writes one member of an object: one virtual call and one getter.</summary>
internal abstract class MemberWriter<TOwner>
{
    public abstract int MinimumSize { get; }

    public abstract void Write(ref PostcardWriter writer, ref TOwner owner);
}

/// <summary>Reads one member into an object, or into the arguments of its constructor.</summary>
internal abstract class MemberReader<TOwner>
{
    public abstract bool TryRead(ref PostcardReader reader, ref TOwner owner);
}

/// <summary>A member of a built-in type.</summary>
internal sealed class ValueMemberWriter<TOwner, T, TCodec>(Getter<TOwner, T> getter) : MemberWriter<TOwner>
    where TCodec : struct, IValueCodec<T>
{
    public override int MinimumSize => TCodec.MinimumSize;

    public override void Write(ref PostcardWriter writer, ref TOwner owner) =>
        TCodec.Write(ref writer, getter(ref owner));
}

/// <summary>A member of a built-in type.</summary>
internal sealed class ValueMemberReader<TOwner, T, TCodec>(Setter<TOwner, T> setter) : MemberReader<TOwner>
    where TCodec : struct, IValueCodec<T>
{
    public override bool TryRead(ref PostcardReader reader, ref TOwner owner)
    {
        if (!TCodec.TryRead(ref reader, out var value))
            return false;
        setter(ref owner, value);
        return true;
    }
}

/// <summary>A member whose type has a converter of its own.</summary>
internal sealed class ConverterMemberWriter<TOwner, T>(Getter<TOwner, T> getter, PostcardConverter<T> converter)
    : MemberWriter<TOwner>
{
    public override int MinimumSize => converter.MinimumSize;

    public override void Write(ref PostcardWriter writer, ref TOwner owner) =>
        converter.Write(ref writer, getter(ref owner));
}

/// <summary>A member whose type has a converter of its own.</summary>
internal sealed class ConverterMemberReader<TOwner, T>(Setter<TOwner, T> setter, PostcardConverter<T> converter)
    : MemberReader<TOwner>
{
    public override bool TryRead(ref PostcardReader reader, ref TOwner owner)
    {
        if (!converter.TryRead(ref reader, out var value))
            return false;
        setter(ref owner, value);
        return true;
    }
}

/// <summary>A member whose reference type is annotated nullable: an option.</summary>
internal sealed class NullableMemberWriter<TOwner, T>(Getter<TOwner, T> getter, PostcardConverter<T> converter)
    : MemberWriter<TOwner>
{
    public override int MinimumSize => 1;

    public override void Write(ref PostcardWriter writer, ref TOwner owner)
    {
        var value = getter(ref owner);
        writer.WriteOption(value is not null);
        if (value is not null)
            converter.Write(ref writer, in value);
    }
}

/// <summary>A member whose reference type is annotated nullable: an option.</summary>
internal sealed class NullableMemberReader<TOwner, T>(Setter<TOwner, T> setter, PostcardConverter<T> converter)
    : MemberReader<TOwner>
{
    public override bool TryRead(ref PostcardReader reader, ref TOwner owner)
    {
        if (!reader.TryReadOption(out var isSome))
            return false;
        T? value = default;
        if (isSome && !converter.TryRead(ref reader, out value))
            return false;
        setter(ref owner, value!); // null is what the member's annotation allows
        return true;
    }
}
