using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using PolyType.Abstractions;

namespace Mosaik.Postcard.Converters;

/// <summary>HashSet: count and elements in ascending order of their bytes. Duplicates collapse.</summary>
internal sealed class HashSetConverter<T>(PostcardConverter<T> element) : PostcardConverter<HashSet<T>>
{
    public override int MinimumSize => 1;

    public override void Write(ref PostcardWriter writer, in HashSet<T> value)
    {
        if (value is null)
            Null.Refuse<HashSet<T>>();
        writer.Enter();
        writer.WriteCount(value.Count);
        var origin = writer.Position;
        var order = new EncodedOrder(value.Count);
        foreach (var item in value)
        {
            var start = writer.Position;
            element.Write(ref writer, in item);
            order.Mark(start, writer.Position, writer.Position);
        }

        order.Apply(ref writer, origin);
        writer.Leave();
    }

    public override bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out HashSet<T> value)
    {
        value = null;
        if (!reader.TryEnter() || !Elements.TryReadCount(ref reader, element, out var count))
            return false;

        // An entry also takes a bucket, a hash code and a link.
        var set = new HashSet<T>(PostcardReader.InitialCapacity(count, Unsafe.SizeOf<T>() + 12));
        int previousStart = -1, previousEnd = -1;
        for (var i = 0; i < count; i++)
        {
            var start = reader.Position;
            if (!element.TryRead(ref reader, out var item)
                || !reader.TryCheckAscending(previousStart, previousEnd, start, reader.Position))
                return false;
            (previousStart, previousEnd) = (start, reader.Position);
            set.Add(item);
        }

        reader.Leave();
        value = set;
        return true;
    }
}

/// <summary>Any other unordered set: like <see cref="HashSetConverter{T}"/>, through the collection's shape.</summary>
internal sealed class UnorderedSetConverter<TSet, T> : PostcardConverter<TSet>
{
    private readonly HashSetConverter<T> _inner;
    private readonly Func<TSet, IEnumerable<T>> _enumerate;
    private readonly MutableCollectionConstructor<T, TSet>? _create;
    private readonly EnumerableAppender<TSet, T>? _append;
    private readonly ParameterizedCollectionConstructor<T, T, TSet>? _createFrom;

    public UnorderedSetConverter(IEnumerableTypeShape<TSet, T> shape, PostcardConverter<T> element)
    {
        _inner = new HashSetConverter<T>(element);
        _enumerate = shape.GetGetEnumerable();
        if (shape.ConstructionStrategy == CollectionConstructionStrategy.Mutable)
        {
            _create = shape.GetDefaultConstructor();
            _append = shape.GetAppender();
        }
        else
        {
            _createFrom = shape.GetParameterizedConstructor();
        }
    }

    public override int MinimumSize => 1;

    public override void Write(ref PostcardWriter writer, in TSet value)
    {
        if (value is null)
            Null.Refuse<TSet>();
        _inner.Write(ref writer, value as HashSet<T> ?? new HashSet<T>(_enumerate(value)));
    }

    public override bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out TSet value)
    {
        value = default;
        if (!_inner.TryRead(ref reader, out var set))
            return false;
        if (set is TSet same)
        {
            value = same;
        }
        else if (_append is not null)
        {
            var result = _create!(new() { Capacity = set.Count }); // set together with the appender
            foreach (var item in set)
                _append(ref result, item);
            value = result;
        }
        else
        {
            value = _createFrom!(set.ToArray()); // set when there is no appender
        }

        return true;
    }
}
