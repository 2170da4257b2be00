using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using PolyType.Abstractions;

namespace Mosaik.Postcard.Converters;

/// <summary>
/// Dictionary: count and entries in ascending order of their keys' bytes. The last of equal keys wins.
/// </summary>
internal sealed class DictionaryConverter<TKey, TValue>(PostcardConverter<TKey> key, PostcardConverter<TValue> element)
    : PostcardConverter<Dictionary<TKey, TValue>>
    where TKey : notnull
{
    private readonly MapReader<TKey, TValue> _reader = new(key, element, isOrdered: false);

    public override int MinimumSize => 1;

    public override void Write(ref PostcardWriter writer, in Dictionary<TKey, TValue> value)
    {
        if (value is null)
            Null.Refuse<Dictionary<TKey, TValue>>();
        writer.Enter();
        writer.WriteCount(value.Count);
        var origin = writer.Position;
        var order = new EncodedOrder(value.Count);
        foreach (var (k, v) in value)
        {
            var start = writer.Position;
            key.Write(ref writer, in k);
            var keyEnd = writer.Position;
            element.Write(ref writer, in v);
            order.Mark(start, keyEnd, writer.Position);
        }

        order.Apply(ref writer, origin);
        writer.Leave();
    }

    public override bool TryRead(
        ref PostcardReader reader, [MaybeNullWhen(false)] out Dictionary<TKey, TValue> value)
    {
        value = null;
        if (!reader.TryEnter() || !_reader.TryReadCount(ref reader, out var count))
            return false;

        // An entry also takes a bucket, a hash code and a link.
        var entrySize = Unsafe.SizeOf<KeyValuePair<TKey, TValue>>() + 12;
        var map = new Dictionary<TKey, TValue>(PostcardReader.InitialCapacity(count, entrySize));
        var state = MapReader<TKey, TValue>.Start();
        for (var i = 0; i < count; i++)
        {
            if (!_reader.TryRead(ref reader, ref state, out var k, out var v))
                return false;
            map[k] = v;
        }

        reader.Leave();
        value = map;
        return true;
    }
}

/// <summary>
/// Any other map. Ordered ones are written in their own order, the others in ascending order of their keys' bytes.
/// </summary>
internal sealed class MapConverter<TMap, TKey, TValue> : PostcardConverter<TMap>
    where TKey : notnull
{
    private readonly PostcardConverter<TKey> _key;
    private readonly PostcardConverter<TValue> _value;
    private readonly MapReader<TKey, TValue> _reader;
    private readonly bool _isOrdered;
    private readonly Func<TMap, IReadOnlyDictionary<TKey, TValue>> _get;
    private readonly MutableCollectionConstructor<TKey, TMap>? _create;
    private readonly DictionaryInserter<TMap, TKey, TValue>? _insert;
    private readonly ParameterizedCollectionConstructor<TKey, KeyValuePair<TKey, TValue>, TMap>? _createFrom;

    public MapConverter(
        IDictionaryTypeShape<TMap, TKey, TValue> shape,
        PostcardConverter<TKey> key,
        PostcardConverter<TValue> value,
        bool isOrdered)
    {
        _key = key;
        _value = value;
        _isOrdered = isOrdered;
        _reader = new MapReader<TKey, TValue>(key, value, isOrdered);
        _get = shape.GetGetDictionary();
        if (shape.ConstructionStrategy == CollectionConstructionStrategy.Mutable)
        {
            _create = shape.GetDefaultConstructor();
            _insert = shape.GetInserter();
        }
        else
        {
            _createFrom = shape.GetParameterizedConstructor();
        }
    }

    public override int MinimumSize => 1;

    public override void Write(ref PostcardWriter writer, in TMap value)
    {
        if (value is null)
            Null.Refuse<TMap>();
        var map = _get(value);
        writer.Enter();
        writer.WriteCount(map.Count);
        var origin = writer.Position;
        var order = new EncodedOrder(map.Count);
        foreach (var (k, v) in map)
        {
            var start = writer.Position;
            _key.Write(ref writer, in k);
            var keyEnd = writer.Position;
            _value.Write(ref writer, in v);
            order.Mark(start, keyEnd, writer.Position);
        }

        order.Apply(ref writer, origin, keepOrder: _isOrdered);
        writer.Leave();
    }

    public override bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out TMap value)
    {
        value = default;
        if (!reader.TryEnter() || !_reader.TryReadAll(ref reader, out var entries))
            return false;
        reader.Leave();
        if (_insert is null)
        {
            value = _createFrom!(entries); // set when there is no inserter
            return true;
        }

        var result = _create!(new() { Capacity = entries.Length }); // set together with the inserter
        foreach (var (k, v) in entries)
            _insert(ref result, k, v);
        value = result;
        return true;
    }
}

/// <summary>Reads the entries of a map and collapses equal keys, of which the last wins (spec/wire.md §3.3).</summary>
internal sealed class MapReader<TKey, TValue>(
    PostcardConverter<TKey> key, PostcardConverter<TValue> value, bool isOrdered)
    where TKey : notnull
{
    /// <summary>The key before, for the canonical order.</summary>
    internal struct State
    {
        public int PreviousStart;
        public int PreviousEnd;
        public TKey? Previous;
    }

    public static State Start() => new() { PreviousStart = -1 };

    public bool TryReadCount(ref PostcardReader reader, out int count) =>
        reader.TryReadCount(
            (int)Math.Min((long)key.MinimumSize + value.MinimumSize, int.MaxValue),
            Elements.MemoryOf<KeyValuePair<TKey, TValue>>(),
            out count);

    public bool TryRead(
        ref PostcardReader reader,
        ref State state,
        [MaybeNullWhen(false)] out TKey k,
        [MaybeNullWhen(false)] out TValue v)
    {
        v = default;
        var start = reader.Position;
        if (!key.TryRead(ref reader, out k))
            return false;
        if (reader.IsCanonical && !TryCheckOrder(ref reader, ref state, k, start))
            return false;
        return value.TryRead(ref reader, out v);
    }

    public bool TryReadAll(
        ref PostcardReader reader, [MaybeNullWhen(false)] out KeyValuePair<TKey, TValue>[] entries)
    {
        entries = null;
        if (!TryReadCount(ref reader, out var count))
            return false;
        var size = Unsafe.SizeOf<KeyValuePair<TKey, TValue>>();
        var items = new KeyValuePair<TKey, TValue>[PostcardReader.InitialCapacity(count, size)];
        var state = Start();
        for (var i = 0; i < count; i++)
        {
            if (!TryRead(ref reader, ref state, out var k, out var v))
                return false;
            if (i == items.Length)
                Array.Resize(ref items, (int)Math.Min(2L * i, count));
            items[i] = new(k, v);
        }

        entries = isOrdered ? CollapseOrdered(items) : CollapseUnordered(items);
        return true;
    }

    private bool TryCheckOrder(ref PostcardReader reader, ref State state, TKey k, int start)
    {
        var isFirst = state.PreviousStart < 0;
        var inOrder = isOrdered
            ? isFirst || Comparer<TKey>.Default.Compare(state.Previous, k) < 0
                || reader.Fail(PostcardError.NotCanonical, start)
            : reader.TryCheckAscending(state.PreviousStart, state.PreviousEnd, start, reader.Position);
        state = new() { PreviousStart = start, PreviousEnd = reader.Position, Previous = k };
        return inOrder;
    }

    private static KeyValuePair<TKey, TValue>[] CollapseUnordered(KeyValuePair<TKey, TValue>[] entries)
    {
        var map = new Dictionary<TKey, TValue>(entries.Length);
        foreach (var (k, v) in entries)
            map[k] = v;
        return map.Count == entries.Length ? entries : [.. map];
    }

    private static KeyValuePair<TKey, TValue>[] CollapseOrdered(KeyValuePair<TKey, TValue>[] entries)
    {
        var comparer = Comparer<TKey>.Default;
        var isAscending = true;
        for (var i = 1; i < entries.Length && isAscending; i++)
            isAscending = comparer.Compare(entries[i - 1].Key, entries[i].Key) < 0;
        if (isAscending)
            return entries;

        var sorted = entries.OrderBy(static e => e.Key, comparer).ToArray(); // stable: equal keys keep their order
        var kept = 0;
        for (var i = 0; i < sorted.Length; i++)
        {
            if (i + 1 == sorted.Length || comparer.Compare(sorted[i].Key, sorted[i + 1].Key) != 0)
                sorted[kept++] = sorted[i];
        }

        return sorted[..kept];
    }
}
