using Mosaik.Waiting;

namespace Mosaik.Discovery;

/// <summary>
/// One subscriber's bounded queue of events. The writer never waits: when it is full, the oldest event goes and is
/// counted
/// (spec/discovery.md §13).
/// </summary>
internal sealed class EventSubscription(DiscoveryEventOptions options, int backlog, TaskScheduler scheduler)
    : IAsyncEnumerable<DiscoveryEvent>
{
    private readonly Lock _lock = new();
    private readonly Queue<DiscoveryEvent> _queue = new();
    private readonly Signal _signal = new(scheduler);
    private CancellationToken _cancellationToken;
    private volatile bool _abandoned;
    private long _missed;
    private bool _ended;
    private bool _enumerated;

    /// <summary>Whether nobody will ever read again.</summary>
    public bool IsAbandoned => _abandoned;

    public void Post(DiscoveryEvent item)
    {
        if (!options.IncludeKeepAlives && item is DiscoveryEvent.PeerUpdated { ContentChanged: false })
            return;
        lock (_lock)
        {
            if (_ended || _abandoned)
                return;
            if (_queue.Count == backlog)
            {
                _queue.Dequeue();
                _missed++;
            }
            _queue.Enqueue(item);
        }
        _signal.Set();
    }

    /// <summary>Nothing more will come; what is queued can still be read.</summary>
    public void End()
    {
        lock (_lock)
            _ended = true;
        _signal.Set();
    }

    /// <summary>Ties the subscription to the token it was made with.</summary>
    public EventSubscription With(CancellationToken cancellationToken)
    {
        _cancellationToken = cancellationToken;
        return this;
    }

    public async IAsyncEnumerator<DiscoveryEvent> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            if (_enumerated)
                throw new InvalidOperationException("A subscription can be enumerated once.");
            _enumerated = true;
        }
        using var both = CancellationTokenSource.CreateLinkedTokenSource(_cancellationToken, cancellationToken);
        try
        {
            while (true)
            {
                while (TryTake() is { } item)
                    yield return item;
                if (HasEnded)
                    yield break;
                await _signal.WaitAsync(both.Token).ConfigureAwait(false);
            }
        }
        finally
        {
            _abandoned = true;
        }
    }

    private bool HasEnded
    {
        get
        {
            lock (_lock)
                return _ended && _queue.Count == 0;
        }
    }

    private DiscoveryEvent? TryTake()
    {
        lock (_lock)
        {
            if (_missed == 0)
                return _queue.TryDequeue(out DiscoveryEvent? item) ? item : null;
            var lagged = new DiscoveryEvent.Lagged(_missed);
            _missed = 0;
            return lagged;
        }
    }
}
