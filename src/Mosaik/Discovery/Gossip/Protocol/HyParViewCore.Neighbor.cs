using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip.Protocol;

// Becoming neighbours, and no longer being neighbours.
internal sealed partial class HyParViewCore
{
    private void OnNeighbor(PeerId from, NeighborMessage message)
    {
        Touch(from);
        bool isReply = _pending.Remove(from);
        if (!AddActive(from, Accept(from, message.Data), message.Priority, reply: !isReply))
            SendDisconnect(from, isAlive: true);
    }

    private void OnDisconnect(PeerId from, DisconnectMessage message)
    {
        Touch(from);
        bool isRefusal = _pending.Remove(from);
        if (_active.Contains(from))
        {
            RemoveActive(from, message.IsAlive ? Leaving.SaidAlive : Leaving.SaidGone);
        }
        else if (message.IsAlive && _passive.Contains(from))
        {
            _aliveMarks.Add(from);
            if (isRefusal)
                _refused.Add(from);
        }
    }
}
