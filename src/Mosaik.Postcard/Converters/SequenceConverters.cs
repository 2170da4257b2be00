using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PolyType.Abstractions;

namespace Mosaik.Postcard.Converters;

/// <summary>T[]: count and elements.</summary>
internal sealed class ArrayConverter<T>(PostcardConverter<T> element) : PostcardConverter<T[]>
{
    public override int MinimumSize => 1;

    public override void Write(ref PostcardWriter writer, in T[] value)
    {
        if (value is null)
            Null.Refuse<T[]>();
        writer.Enter();
        writer.WriteCount(value.Length);
        element.WriteMany(ref writer, value);
        writer.Leave();
    }

    public override bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out T[] value)
    {
        value = null;
        if (!reader.TryEnter() || !Elements.TryReadArray(ref reader, element, out value))
            return false;
        reader.Leave();
        return true;
    }
}

/// <summary>ImmutableArray: count and elements.</summary>
internal sealed class ImmutableArrayConverter<T>(PostcardConverter<T> element) : PostcardConverter<ImmutableArray<T>>
{
    public override int MinimumSize => 1;

    public override void Write(ref PostcardWriter writer, in ImmutableArray<T> value)
    {
        if (value.IsDefault)
            Null.Refuse<ImmutableArray<T>>();
        writer.Enter();
        writer.WriteCount(value.Length);
        element.WriteMany(ref writer, value.AsSpan());
        writer.Leave();
    }

    public override bool TryRead(ref PostcardReader reader, out ImmutableArray<T> value)
    {
        value = default;
        if (!reader.TryEnter() || !Elements.TryReadArray(ref reader, element, out var array))
            return false;
        reader.Leave();
        value = ImmutableCollectionsMarshal.AsImmutableArray(array);
        return true;
    }
}

/// <summary>List: count and elements.</summary>
internal sealed class ListConverter<T>(PostcardConverter<T> element) : PostcardConverter<List<T>>
{
    public override int MinimumSize => 1;

    public override void Write(ref PostcardWriter writer, in List<T> value)
    {
        if (value is null)
            Null.Refuse<List<T>>();
        writer.Enter();
        writer.WriteCount(value.Count);
        element.WriteMany(ref writer, CollectionsMarshal.AsSpan(value));
        writer.Leave();
    }

    public override bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out List<T> value)
    {
        value = null;
        if (!reader.TryEnter() || !Elements.TryReadCount(ref reader, element, out var count))
            return false;
        var list = new List<T>(PostcardReader.InitialCapacity(count, Unsafe.SizeOf<T>()));
        while (list.Count < count)
        {
            var start = list.Count;
            var end = list.Capacity > start ? Math.Min(list.Capacity, count) : (int)Math.Min(2L * start, count);
            CollectionsMarshal.SetCount(list, end);
            if (!element.TryReadMany(ref reader, CollectionsMarshal.AsSpan(list)[start..]))
                return false;
        }

        reader.Leave();
        value = list;
        return true;
    }
}

/// <summary>An inline array: its elements, without a count.</summary>
internal sealed class InlineArrayConverter<TArray, T>(PostcardConverter<T> element) : PostcardConverter<TArray>
{
    private static readonly int Length = Unsafe.SizeOf<TArray>() / Unsafe.SizeOf<T>();

    public override int MinimumSize => (int)Math.Min((long)Length * element.MinimumSize, int.MaxValue);

    public override void Write(ref PostcardWriter writer, in TArray value)
    {
        writer.Enter();
        element.WriteMany(ref writer, AsSpan(ref Unsafe.AsRef(in value)));
        writer.Leave();
    }

    public override bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out TArray value)
    {
        value = default!; // an inline array is a struct, and all of it is filled
        if (!reader.TryEnter() || !element.TryReadMany(ref reader, AsSpan(ref value)))
            return false;
        reader.Leave();
        return true;
    }

    private static Span<T> AsSpan(scoped ref TArray array) =>
        MemoryMarshal.CreateSpan(ref Unsafe.As<TArray, T>(ref Unsafe.AsRef(in array)), Length);
}

/// <summary>
/// Any other ordered or insertion-ordered collection: count and elements in the order of its enumerator. Collections
/// that are built from a span get their elements at once, others one by one.
/// </summary>
internal sealed class EnumerableConverter<TEnumerable, T> : PostcardConverter<TEnumerable>
{
    private readonly PostcardConverter<T> _element;
    private readonly Func<TEnumerable, IEnumerable<T>> _enumerate;
    private readonly MutableCollectionConstructor<T, TEnumerable>? _create;
    private readonly EnumerableAppender<TEnumerable, T>? _append;
    private readonly ParameterizedCollectionConstructor<T, T, TEnumerable>? _createFrom;
    private readonly bool _isOrderedSet;

    public EnumerableConverter(
        IEnumerableTypeShape<TEnumerable, T> shape, PostcardConverter<T> element, bool isOrderedSet)
    {
        _element = element;
        _isOrderedSet = isOrderedSet;
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

    public override void Write(ref PostcardWriter writer, in TEnumerable value)
    {
        if (value is null)
            Null.Refuse<TEnumerable>();
        var elements = _enumerate(value);
        if (!elements.TryGetNonEnumeratedCount(out var count))
        {
            elements = [.. elements];
            count = elements.Count();
        }

        writer.Enter();
        writer.WriteCount(count);
        var written = 0;
        foreach (var element in elements)
        {
            _element.Write(ref writer, in element);
            written++;
        }

        if (written != count)
            PostcardWriter.Refuse("The collection changed while it was written.");
        writer.Leave();
    }

    public override bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out TEnumerable value)
    {
        value = default;
        return reader.TryEnter()
            && (_append is not null ? TryAppend(ref reader, out value) : TryCreateFrom(ref reader, out value));
    }

    private bool TryCreateFrom(ref PostcardReader reader, [MaybeNullWhen(false)] out TEnumerable value)
    {
        value = default;
        var start = reader.Position;
        if (!Elements.TryReadArray(ref reader, _element, out var array))
            return false;
        for (var i = 1; i < array.Length; i++)
        {
            if (!TryCheckOrder(ref reader, array[i - 1], array[i], start))
                return false;
        }

        reader.Leave();
        value = _createFrom!(array); // set when there is no appender
        return true;
    }

    private bool TryAppend(ref PostcardReader reader, [MaybeNullWhen(false)] out TEnumerable value)
    {
        value = default;
        if (!Elements.TryReadCount(ref reader, _element, out var count))
            return false;
        var result = _create!(new() { Capacity = PostcardReader.InitialCapacity(count, Unsafe.SizeOf<T>()) });
        T? previous = default;
        for (var i = 0; i < count; i++)
        {
            var start = reader.Position;
            if (!_element.TryRead(ref reader, out var element)
                || (i > 0 && !TryCheckOrder(ref reader, previous!, element, start))) // read in the round before
                return false;
            _append!(ref result, element); // checked by the caller
            previous = element;
        }

        reader.Leave();
        value = result;
        return true;
    }

    private bool TryCheckOrder(ref PostcardReader reader, T previous, T current, int offset) =>
        !_isOrderedSet || !reader.IsCanonical || Comparer<T>.Default.Compare(previous, current) < 0
        || reader.Fail(PostcardError.NotCanonical, offset);
}

/// <summary>Queue: count and elements from the front.</summary>
internal sealed class QueueConverter<T>(PostcardConverter<T> element) : PostcardConverter<Queue<T>>
{
    public override int MinimumSize => 1;

    public override void Write(ref PostcardWriter writer, in Queue<T> value)
    {
        if (value is null)
            Null.Refuse<Queue<T>>();
        writer.Enter();
        writer.WriteCount(value.Count);
        foreach (var item in value)
            element.Write(ref writer, in item);
        writer.Leave();
    }

    public override bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out Queue<T> value)
    {
        value = null;
        if (!reader.TryEnter() || !Elements.TryReadCount(ref reader, element, out var count))
            return false;
        var queue = new Queue<T>(PostcardReader.InitialCapacity(count, Unsafe.SizeOf<T>()));
        for (var i = 0; i < count; i++)
        {
            if (!element.TryRead(ref reader, out var item))
                return false;
            queue.Enqueue(item);
        }

        reader.Leave();
        value = queue;
        return true;
    }
}
