using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// Lets one log line per peer and interval through, and counts the others. The table is bounded: it is dropped when it
/// could grow through made-up ids. Not thread-safe.
/// </summary>
internal sealed class PeerLogLimiter(TimeSpan interval, int capacity)
{
    private readonly Dictionary<PeerId, (TimeSpan At, int Suppressed)> _last = [];

    /// <summary>Whether this line may be written; if so, how many were not since the last one.</summary>
    public bool TryPass(PeerId peer, TimeSpan now, out int suppressed)
    {
        suppressed = 0;
        if (_last.TryGetValue(peer, out (TimeSpan At, int Suppressed) last))
        {
            if (now - last.At < interval)
            {
                _last[peer] = (last.At, last.Suppressed + 1);
                return false;
            }
            suppressed = last.Suppressed;
        }
        else if (_last.Count >= capacity)
        {
            _last.Clear();
        }
        _last[peer] = (now, 0);
        return true;
    }
}
