using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using PolyType.Abstractions;

namespace Mosaik.Postcard.Converters;

/// <summary>A class, struct, record or tuple: its members in wire order, without length or tag.</summary>
internal abstract class ObjectConverter<T>(MemberWriter<T>[] members) : PostcardConverter<T>
{
    private const int Unknown = -1;
    private int _minimumSize = Unknown;

    // Computed at first use, when all converters of the type graph exist. A type that contains itself without an
    // option, a collection or a union in between has no finite value; the zero it meets on its way round is a correct
    // lower bound.
    public sealed override int MinimumSize
    {
        get
        {
            if (_minimumSize != Unknown)
                return _minimumSize;
            _minimumSize = 0;
            long sum = 0;
            foreach (var member in members)
                sum += member.MinimumSize;
            return _minimumSize = (int)Math.Min(sum, int.MaxValue);
        }
    }

    public sealed override void Write(ref PostcardWriter writer, in T value)
    {
        if (!typeof(T).IsValueType && value is null)
            Null.Refuse<T>();
        writer.Enter();
        ref var owner = ref Unsafe.AsRef(in value);
        foreach (var member in members)
            member.Write(ref writer, ref owner);
        writer.Leave();
    }
}

/// <summary>An object that is made empty and then filled.</summary>
internal sealed class MutableObjectConverter<T>(
    Func<T> create, MemberWriter<T>[] writers, MemberReader<T>[] readers) : ObjectConverter<T>(writers)
{
    public override bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out T value)
    {
        value = default;
        if (!reader.TryEnter())
            return false;
        var result = create();
        foreach (var member in readers)
        {
            if (!member.TryRead(ref reader, ref result))
                return false;
        }

        reader.Leave();
        value = result;
        return true;
    }
}

/// <summary>An object whose members are arguments of its constructor or initializers.</summary>
internal sealed class ConstructedObjectConverter<T, TArguments>(
    Func<TArguments> createArguments,
    Constructor<TArguments, T> create,
    MemberWriter<T>[] writers,
    MemberReader<TArguments>[] readers) : ObjectConverter<T>(writers)
{
    public override bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out T value)
    {
        value = default;
        if (!reader.TryEnter())
            return false;
        var arguments = createArguments();
        foreach (var member in readers)
        {
            if (!member.TryRead(ref reader, ref arguments))
                return false;
        }

        reader.Leave();
        value = create(ref arguments);
        return true;
    }
}
