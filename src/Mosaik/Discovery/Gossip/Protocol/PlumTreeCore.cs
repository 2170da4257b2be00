using System.Runtime.InteropServices;
using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>
/// Broadcast in one topic: PlumTree (Leitão, Pereira, Rodrigues 2007) as iroh-gossip has it (spec/gossip.md §8).
/// </summary>
/// <remarks>
/// <para>Every neighbour is <em>eager</em> or <em>lazy</em>. Payloads are pushed to eager ones and announced to lazy ones
/// (IHave). A payload that comes twice makes its second sender lazy on both sides (Prune), so that the eager links become
/// a tree. A payload that was announced and does not come is asked for (Graft), which makes that link eager again: the
/// tree repairs itself. An announcement that was much shorter than the path of the payload replaces that path.</para>
/// <para>Use: <see cref="OnNeighborUp"/> and <see cref="OnNeighborDown"/> follow the membership; then any other method;
/// carry out the effects in order; timers come back through <see cref="OnTimer"/>. Who is not a neighbour can deliver a
/// payload, but is never moved, asked or answered (Q8), unless the rules of iroh-gossip are wanted exactly.</para>
/// <para>Bounds: 65,536 ids of the last 90 s, 16 MiB of payloads of the last 30 s, 4096 announced payloads with 8 sources
/// each; the oldest go first.</para>
/// </remarks>
internal sealed partial class PlumTreeCore
{
    /// <summary>Ids remembered for deduplication.</summary>
    internal const int MaxReceived = 65_536;

    /// <summary>Payloads that were announced and have not come.</summary>
    internal const int MaxMissing = 4096;

    /// <summary>Peers remembered for each of them.</summary>
    internal const int MaxSources = 8;

    /// <summary>Bytes of payloads kept.</summary>
    internal const long MaxCachedBytes = 16 * 1024 * 1024;

    private readonly GossipOptions _options;
    private readonly Func<PeerId, bool> _isActive;
    private readonly bool _upstreamExact;
    private readonly TopicEffects _effects;
    private readonly SortedPeers _eager = new();
    private readonly SortedPeers _lazy = new();
    private readonly SortedList<PeerId, List<Announced>> _lazyQueue = [];
    private readonly AgedMap<MessageId, List<Source>> _missing = new();
    private readonly RecentPayloads _recent = new();
    private readonly HashSet<MessageId> _graftTimers = [];
    private bool _dispatchScheduled;
    private TimeSpan _nextDispatch;
    private bool _sweepScheduled;

    public PlumTreeCore(GossipOptions options, Func<PeerId, bool> isActive, bool upstreamExact, TopicEffects effects)
    {
        _options = options;
        _isActive = isActive;
        _upstreamExact = upstreamExact;
        _effects = effects;
    }

    /// <summary>Neighbours that get payloads at once.</summary>
    public IReadOnlyCollection<PeerId> Eager => _eager;

    /// <summary>Neighbours that get announcements.</summary>
    public IReadOnlyCollection<PeerId> Lazy => _lazy;

    /// <summary>Payloads that can be asked for.</summary>
    public int Cached => _recent.Kept;

    /// <summary>Ids that are remembered.</summary>
    public int Remembered => _recent.Count;

    /// <summary>Payloads that were announced and have not come.</summary>
    public int Missing => _missing.Count;

    /// <summary>A neighbour more.</summary>
    public void OnNeighborUp(PeerId peer)
    {
        Begin();
        ToEager(peer);
    }

    /// <summary>A neighbour fewer.</summary>
    public void OnNeighborDown(PeerId peer)
    {
        Begin();
        List<MessageId>? emptied = null;
        foreach ((MessageId id, List<Source> sources) in _missing.Entries)
        {
            sources.RemoveAll(s => s.Peer == peer);
            if (sources.Count == 0)
                (emptied ??= []).Add(id);
        }

        foreach (MessageId id in emptied ?? [])
            _missing.Remove(id, out _);
        _eager.Remove(peer);
        _lazy.Remove(peer);
        _lazyQueue.Remove(peer);
    }

    /// <summary>Originates a broadcast. Its size was checked before.</summary>
    public void Broadcast(ReadOnlyMemory<byte> content, GossipScope scope, TimeSpan now)
    {
        Begin();
        var message = BroadcastMessage.Of(content, scope);
        if (scope.IsSwarm)
        {
            Keep(message, now);
            LazyPush(message.Id, message.Scope.Round, except: null, now);
        }

        EagerPush(message, except: null);
    }

    /// <summary>A broadcast message has come.</summary>
    public void Receive(PeerId from, GossipMessage message, TimeSpan now)
    {
        Begin();
        switch (message)
        {
            case BroadcastMessage broadcast:
                OnBroadcast(from, broadcast, now);
                break;
            case PruneMessage:
                if (IsNeighbour(from))
                    ToLazy(from);
                break;
            case GraftMessage graft:
                OnGraft(from, graft);
                break;
            case IHaveMessage iHave:
                OnIHave(from, iHave, now);
                break;
            default:
                throw new ArgumentException($"{message.Kind} is no message of the broadcast.", nameof(message));
        }
    }

    /// <summary>A timer is due.</summary>
    public void OnTimer(GossipTimer timer, TimeSpan now)
    {
        Begin();
        switch (timer)
        {
            case GossipTimer.SendGraft graft:
                OnGraftTimer(graft.Id);
                break;
            case GossipTimer.Dispatch:
                Dispatch();
                break;
            case GossipTimer.Sweep:
                Sweep(now);
                break;
        }
    }

    private void Begin()
    {
        if (_sweepScheduled)
            return;
        _sweepScheduled = true;
        _effects.Schedule(_options.CacheSweepInterval, new GossipTimer.Sweep());
    }

    private bool IsNeighbour(PeerId peer) => _upstreamExact || _isActive(peer);

    private void ToEager(PeerId peer)
    {
        _lazy.Remove(peer);
        _eager.Add(peer);
    }

    private void ToLazy(PeerId peer)
    {
        _eager.Remove(peer);
        _lazy.Add(peer);
    }

    private void EagerPush(BroadcastMessage message, PeerId? except)
    {
        foreach (PeerId peer in _eager)
        {
            if (peer != except)
                _effects.Send(peer, message);
        }
    }

    private void LazyPush(MessageId id, ushort round, PeerId? except, TimeSpan now)
    {
        foreach (PeerId peer in _lazy)
        {
            if (peer == except)
                continue;
            if (!_lazyQueue.TryGetValue(peer, out List<Announced>? queue))
                _lazyQueue[peer] = queue = [];
            queue.Add(new Announced(id, round));
        }

        if (_dispatchScheduled)
            return;
        _dispatchScheduled = true;
        // A lone announcement leaves soon. Many payloads share their announcements, which would else be most of all messages.
        TimeSpan wait = _upstreamExact || now + _options.DispatchTimeout >= _nextDispatch
            ? _options.DispatchTimeout
            : _nextDispatch - now;
        _nextDispatch = now + wait + _options.DispatchInterval;
        _effects.Schedule(wait, new GossipTimer.Dispatch());
    }

    private void Dispatch()
    {
        int limit = IHaveMessage.MaxItems(_options.MaxMessageSize);
        for (int at = 0; at < _lazyQueue.Count; at++)
        {
            (PeerId peer, List<Announced> queue) = (_lazyQueue.GetKeyAtIndex(at), _lazyQueue.GetValueAtIndex(at));
            if (queue.Count <= limit)
            {
                _effects.Send(peer, new IHaveMessage(queue));
                continue;
            }

            for (int i = 0; i < queue.Count; i += limit)
                _effects.Send(peer, new IHaveMessage(queue.GetRange(i, Math.Min(limit, queue.Count - i))));
        }

        _lazyQueue.Clear();
        _dispatchScheduled = false;
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Source(PeerId Peer, ushort Round);
}
