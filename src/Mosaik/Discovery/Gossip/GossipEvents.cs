using System.Diagnostics.CodeAnalysis;
using Mosaik.Waiting;

namespace Mosaik.Discovery.Gossip;

/// <inheritdoc cref="IGossipEvents"/>
internal sealed class GossipEvents(int capacity, TaskScheduler scheduler, Action disposed) : IGossipEvents
{
    private readonly Lock _lock = new();
    private readonly Queue<GossipEvent> _queue = new();
    private readonly Signal _signal = new(scheduler);
    private long _lost;
    private bool _ended;
    private bool _disposed;

    /// <summary>Whether nobody will read any more.</summary>
    public bool IsDisposed
    {
        get
        {
            lock (_lock)
                return _disposed;
        }
    }

    /// <inheritdoc/>
    public bool TryRead([MaybeNullWhen(false)] out GossipEvent item)
    {
        lock (_lock)
        {
            if (_lost == 0)
                return _queue.TryDequeue(out item);
            item = new GossipEvent.Lagged(_lost);
            _lost = 0;
            return true;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            lock (_lock)
            {
                if (_queue.Count > 0 || _lost > 0)
                    return true;
                if (_ended)
                    return false;
            }

            await _signal.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>For the loop: an event more. Never waits.</summary>
    public void Post(GossipEvent item)
    {
        lock (_lock)
        {
            if (_ended)
                return;
            if (_queue.Count == capacity)
            {
                _queue.Dequeue();
                _lost++;
            }

            _queue.Enqueue(item);
        }

        _signal.Set();
    }

    /// <summary>No event will come any more; what is queued can still be read.</summary>
    public void End()
    {
        lock (_lock)
            _ended = true;
        _signal.Set();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed)
                return;
            _disposed = _ended = true;
            _queue.Clear();
            _lost = 0;
        }

        _signal.Set();
        disposed();
    }
}
