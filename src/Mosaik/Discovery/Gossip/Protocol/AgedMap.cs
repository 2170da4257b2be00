using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>A map that knows the order in which its entries were put in, for entries that all live equally long.</summary>
/// <remarks>
/// A hash table and a queue of keys, without an object per entry, for there may be tens of thousands. What was removed or put
/// in again leaves its place in the queue behind, which is passed over when it comes to the front, or swept when such places
/// outnumber the entries.
/// </remarks>
internal sealed class AgedMap<TKey, TValue>
    where TKey : notnull
{
    private const int FewPlaces = 16;

    private readonly Dictionary<TKey, Entry> _entries = [];
    private Queue<(TKey Key, long Number)> _byAge = new();
    private long _last;

    public int Count => _entries.Count;

    /// <summary>Places in the queue, those left behind included.</summary>
    internal int Places => _byAge.Count;

    public bool Contains(TKey key) => _entries.ContainsKey(key);

    public bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        bool found = _entries.TryGetValue(key, out Entry entry);
        value = entry.Value;
        return found;
    }

    /// <summary>Puts an entry in as the youngest, instead of an older one.</summary>
    public void Put(TKey key, TValue value, TimeSpan now)
    {
        _entries[key] = new Entry(value, now, ++_last);
        _byAge.Enqueue((key, _last));
        if (_byAge.Count > FewPlaces && _byAge.Count > 2 * _entries.Count)
            _byAge = new Queue<(TKey, long)>(_byAge.Where(IsInPlace));
    }

    public bool Remove(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        bool found = _entries.Remove(key, out Entry entry);
        value = entry.Value;
        return found;
    }

    /// <summary>The oldest entry.</summary>
    public bool TryPeekOldest([MaybeNullWhen(false)] out TKey key, out TimeSpan since)
    {
        while (_byAge.TryPeek(out (TKey Key, long Number) place))
        {
            if (IsInPlace(place))
            {
                key = place.Key;
                since = _entries[place.Key].Since;
                return true;
            }

            _byAge.Dequeue();
        }

        key = default;
        since = default;
        return false;
    }

    /// <summary>Removes the entries that are at least as old as this.</summary>
    public void RemoveOlderThan(TimeSpan age, TimeSpan now)
    {
        while (TryPeekOldest(out TKey? key, out TimeSpan since) && now - since >= age)
            Remove(key, out _);
    }

    /// <summary>The entries, the oldest first. They must not be changed meanwhile.</summary>
    public IEnumerable<KeyValuePair<TKey, TValue>> Entries =>
        _byAge.Where(IsInPlace).Select(place => KeyValuePair.Create(place.Key, _entries[place.Key].Value));

    private bool IsInPlace((TKey Key, long Number) place) =>
        _entries.TryGetValue(place.Key, out Entry entry) && entry.Number == place.Number;

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Entry(TValue Value, TimeSpan Since, long Number);
}
