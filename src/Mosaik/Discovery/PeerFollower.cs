using System.Runtime.InteropServices;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Discovery;

/// <summary>What is new about a followed peer since it was last taken.</summary>
/// <param name="PeerId">The peer.</param>
/// <param name="Entry">Its newest entry, if there is a newer one; keep-alives count.</param>
/// <param name="RttChanged">Whether its smoothed round-trip time changed.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct PeerNews(PeerId PeerId, PeerEntry? Entry, bool RttChanged);

/// <summary>
/// Follows chosen peers: newer entries and changes of the round-trip time, merged per peer, so that a slow reader costs
/// no more memory than it follows peers. What happens to others costs it nothing.
/// </summary>
/// <remarks>
/// A peer that leaves is no news: who is connected to it goes by its last known entry. The owner waits on the signal it
/// gave and then takes everything. Thread-safe; one reader. Lock order: the hub's, then this one's.
/// </remarks>
internal sealed class PeerFollower(DiscoveryHub hub, Signal signal) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, PeerNews> _pending = [];
    private readonly Queue<PeerId> _order = new();

    /// <summary>Hears of the peer from now on; nothing happens if it does already.</summary>
    public void Follow(PeerId peer) => hub.FollowPeer(peer, this);

    /// <summary>Hears no more of the peer.</summary>
    public void Unfollow(PeerId peer) => hub.UnfollowPeer(peer, this);

    /// <summary>Takes the oldest news.</summary>
    public bool TryTake(out PeerNews news)
    {
        lock (_lock)
        {
            if (!_order.TryDequeue(out var peer))
            {
                news = default;
                return false;
            }

            _pending.Remove(peer, out news);
            return true;
        }
    }

    /// <summary>Ends all following.</summary>
    public void Dispose() => hub.UnfollowAll(this);

    internal void Post(PeerNews news)
    {
        lock (_lock)
        {
            if (_pending.TryGetValue(news.PeerId, out var earlier))
                news = news with { Entry = news.Entry ?? earlier.Entry, RttChanged = news.RttChanged || earlier.RttChanged };
            else
                _order.Enqueue(news.PeerId);
            _pending[news.PeerId] = news;
        }

        signal.Set();
    }
}
