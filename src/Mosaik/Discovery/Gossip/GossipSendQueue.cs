using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Mosaik.Waiting;

namespace Mosaik.Discovery.Gossip;

/// <summary>What waits to be sent on one connection. The loop puts in and never waits, one sender takes out.</summary>
internal sealed class GossipSendQueue(int capacity, TaskScheduler scheduler)
{
    private readonly Lock _lock = new();
    private readonly Queue<Item> _items = new();
    private readonly Signal _signal = new(scheduler);
    private int _frames;
    private bool _endsWithMark;
    private long _taken;
    private bool _completed;

    /// <summary>Whether no further message has room.</summary>
    public bool IsFull
    {
        get
        {
            lock (_lock)
                return _frames >= capacity;
        }
    }

    /// <summary>How many messages were taken out so far: if the number stands still, the peer takes nothing.</summary>
    public long Taken
    {
        get
        {
            lock (_lock)
                return _taken;
        }
    }

    /// <summary>Puts a message in; where there is no room, membership takes the place of the oldest broadcast message.</summary>
    /// <returns>False if a message was lost, this one or another one.</returns>
    public bool Enqueue(Outgoing message)
    {
        bool isComplete = true;
        lock (_lock)
        {
            if (_completed)
                return true; // the connection has ended, which is reported by itself
            if (_frames >= capacity)
            {
                isComplete = false;
                if (message.IsDispensable || !RemoveOldestDispensable())
                    return false;
            }

            _items.Enqueue(new Item(message, null));
            _endsWithMark = false;
            _frames++;
        }

        _signal.Set();
        return isComplete;
    }

    /// <summary>After what is queued all streams are finished; a later message opens new ones.</summary>
    /// <param name="acknowledged">Completed when the peer has everything, or the connection has ended.</param>
    public void Finish(Completion? acknowledged = null)
    {
        lock (_lock)
        {
            if (_completed)
            {
                acknowledged?.TrySetResult();
                return;
            }

            if (acknowledged is null && _endsWithMark && _items.Count > 0)
                return; // said already
            _items.Enqueue(new Item(null, acknowledged));
            _endsWithMark = true;
        }

        _signal.Set();
    }

    /// <summary>The next message or mark; null when the connection has ended.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))] // awaited once, at every message
    public async ValueTask<Item?> TakeAsync()
    {
        while (true)
        {
            lock (_lock)
            {
                if (_completed)
                    return null;
                if (_items.TryDequeue(out Item first))
                {
                    if (first.Message is not null)
                    {
                        _frames--;
                        _taken++;
                    }

                    return first;
                }
            }

            await _signal.WaitAsync().ConfigureAwait(false);
        }
    }

    /// <summary>The connection has ended.</summary>
    public void Complete()
    {
        lock (_lock)
        {
            _completed = true;
            foreach (Item item in _items)
                item.Acknowledged?.TrySetResult();
            _items.Clear();
            _frames = 0;
        }

        _signal.Set();
    }

    private bool RemoveOldestDispensable()
    {
        bool removed = false;
        for (int left = _items.Count; left > 0; left--)
        {
            Item item = _items.Dequeue();
            if (removed || item.Message is not { IsDispensable: true })
                _items.Enqueue(item);
            else
                removed = true;
        }

        if (removed)
            _frames--;
        return removed;
    }

    /// <summary>A message, or without one the mark to finish the streams.</summary>
    [StructLayout(LayoutKind.Auto)]
    internal readonly record struct Item(Outgoing? Message, Completion? Acknowledged);
}
