using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>Peers that wait for their turn, each in one place; who no longer waits is passed over.</summary>
internal sealed class PeerLine
{
    private readonly Queue<PeerId> _line = new();
    private readonly HashSet<PeerId> _inLine = [];

    /// <summary>Puts a peer at the end; an old place serves as well.</summary>
    public void Add(PeerId id)
    {
        if (_inLine.Add(id))
            _line.Enqueue(id);
    }

    /// <summary>Takes the first one that still waits.</summary>
    public bool TryTake(Predicate<PeerId> isWaiting, out PeerId next)
    {
        while (_line.TryDequeue(out next))
        {
            _inLine.Remove(next);
            if (isWaiting(next))
                return true;
        }
        return false;
    }
}
