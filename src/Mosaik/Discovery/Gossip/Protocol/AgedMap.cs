using System.Diagnostics.CodeAnalysis;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>A map that knows the order in which its entries were put in, for entries that all live equally long.</summary>
internal sealed class AgedMap<TKey, TValue>
    where TKey : notnull
{
    private readonly Dictionary<TKey, LinkedListNode<Entry>> _nodes = [];
    private readonly LinkedList<Entry> _byAge = [];

    public int Count => _nodes.Count;

    public bool Contains(TKey key) => _nodes.ContainsKey(key);

    public bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        bool found = _nodes.TryGetValue(key, out LinkedListNode<Entry>? node);
        value = found ? node!.Value.Value : default; // there, because it was found
        return found;
    }

    /// <summary>Puts an entry in as the youngest, instead of an older one.</summary>
    public void Put(TKey key, TValue value, TimeSpan now)
    {
        Remove(key, out _);
        _nodes[key] = _byAge.AddLast(new Entry(key, value, now));
    }

    public bool Remove(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        if (!_nodes.Remove(key, out LinkedListNode<Entry>? node))
        {
            value = default;
            return false;
        }

        _byAge.Remove(node);
        value = node.Value.Value;
        return true;
    }

    /// <summary>The oldest entry.</summary>
    public bool TryPeekOldest([MaybeNullWhen(false)] out TKey key, out TimeSpan since)
    {
        LinkedListNode<Entry>? oldest = _byAge.First;
        key = oldest is null ? default : oldest.Value.Key;
        since = oldest?.Value.Since ?? default;
        return oldest is not null;
    }

    /// <summary>Removes the entries that are at least as old as this and hands them out, the oldest first.</summary>
    public void RemoveOlderThan(TimeSpan age, TimeSpan now, Action<TValue>? removed = null)
    {
        while (_byAge.First is { } oldest && now - oldest.Value.Since >= age)
        {
            Remove(oldest.Value.Key, out TValue? value);
            removed?.Invoke(value!); // it was there
        }
    }

    /// <summary>The entries, the oldest first. They must not be changed meanwhile.</summary>
    public IEnumerable<KeyValuePair<TKey, TValue>> Entries =>
        _byAge.Select(static e => KeyValuePair.Create(e.Key, e.Value));

    private sealed record Entry(TKey Key, TValue Value, TimeSpan Since);
}
