using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>Peers in the order in which their entries were last received.</summary>
internal sealed class ReceiptOrder
{
    private readonly LinkedList<(PeerId Id, long AtMs)> _order = new();
    private readonly Dictionary<PeerId, LinkedListNode<(PeerId Id, long AtMs)>> _nodes = [];

    public void Touch(PeerId id, long nowMs)
    {
        Remove(id);
        _nodes[id] = _order.AddLast((id, nowMs));
    }

    public void Remove(PeerId id)
    {
        if (_nodes.Remove(id, out LinkedListNode<(PeerId Id, long AtMs)>? node))
            _order.Remove(node);
    }

    /// <summary>The peers received last after a time and not after another one.</summary>
    public IEnumerable<PeerId> Between(long afterMs, long untilMs) =>
        _order.SkipWhile(peer => peer.AtMs <= afterMs).TakeWhile(peer => peer.AtMs <= untilMs).Select(static peer => peer.Id);

    /// <summary>The first peer received before a time that may be taken; null when there is none.</summary>
    public PeerId? Oldest(long beforeMs, Predicate<PeerId> mayTake)
    {
        for (LinkedListNode<(PeerId Id, long AtMs)>? node = _order.First; node is not null; node = node.Next)
        {
            if (node.Value.AtMs >= beforeMs)
                return null;
            if (mayTake(node.Value.Id))
                return node.Value.Id;
        }
        return null;
    }
}
