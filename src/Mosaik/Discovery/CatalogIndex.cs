using System.Collections.Immutable;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// Which peers list an id in their entry. A keep-alive, which lists the same ids, costs one comparison of bytes.
/// </summary>
internal sealed class CatalogIndex<TKey>
    where TKey : IComparable<TKey>
{
    private readonly ImmutableSortedDictionary<TKey, ImmutableSortedSet<PeerId>>.Builder _peers =
        ImmutableSortedDictionary.CreateBuilder<TKey, ImmutableSortedSet<PeerId>>();

    public delegate TKey FromRaw(ReadOnlySpan<byte> raw);

    public ImmutableSortedDictionary<TKey, ImmutableSortedSet<PeerId>> ToImmutable() => _peers.ToImmutable();

    public void Update(
        PeerId id, PeerEntry? old, PeerEntry? entry, Func<PeerEntryLayout, PeerEntryLayout.IdSpan> field, FromRaw fromRaw)
    {
        ReadOnlySpan<byte> before = IdsOf(old, field), after = IdsOf(entry, field);
        if (before.SequenceEqual(after))
            return;
        // Both are ascending: walk them together, so that ids in both are not touched.
        while (!before.IsEmpty || !after.IsEmpty)
        {
            int order = before.IsEmpty ? 1 : after.IsEmpty ? -1
                : before[..UniqueId.Length].SequenceCompareTo(after[..UniqueId.Length]);
            if (order < 0)
                Remove(fromRaw(before[..UniqueId.Length]), id);
            else if (order > 0)
                Add(fromRaw(after[..UniqueId.Length]), id);
            before = order <= 0 ? before[UniqueId.Length..] : before;
            after = order >= 0 ? after[UniqueId.Length..] : after;
        }
    }

    private static ReadOnlySpan<byte> IdsOf(PeerEntry? entry, Func<PeerEntryLayout, PeerEntryLayout.IdSpan> field)
    {
        if (entry is null)
            return default;
        PeerEntryLayout.IdSpan ids = field(entry.Layout);
        return entry.Bytes.Span.Slice(ids.Start, ids.Count * UniqueId.Length);
    }

    private void Add(TKey key, PeerId id) =>
        _peers[key] = (_peers.TryGetValue(key, out ImmutableSortedSet<PeerId>? peers) ? peers : []).Add(id);

    private void Remove(TKey key, PeerId id)
    {
        if (!_peers.TryGetValue(key, out ImmutableSortedSet<PeerId>? peers))
            return;
        peers = peers.Remove(id);
        if (peers.IsEmpty)
            _peers.Remove(key);
        else
            _peers[key] = peers;
    }
}
