using Mosaik.Waiting;

namespace Mosaik.Discovery.Gossip;

/// <summary>What waits to be sent on one connection. The loop puts in and never waits, one sender takes out.</summary>
internal sealed class GossipSendQueue(int capacity, TaskScheduler scheduler)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<Item> _items = [];
    private readonly Signal _signal = new(scheduler);
    private int _frames;
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

            _items.AddLast(new Item(message, null));
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

            if (acknowledged is null && _items.Last is { Value.Message: null })
                return; // said already
            _items.AddLast(new Item(null, acknowledged));
        }

        _signal.Set();
    }

    /// <summary>The next message or mark; null when the connection has ended.</summary>
    public async ValueTask<Item?> TakeAsync()
    {
        while (true)
        {
            lock (_lock)
            {
                if (_completed)
                    return null;
                if (_items.First is { } first)
                {
                    _items.RemoveFirst();
                    if (first.Value.Message is not null)
                    {
                        _frames--;
                        _taken++;
                    }

                    return first.Value;
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
        for (LinkedListNode<Item>? node = _items.First; node is not null; node = node.Next)
        {
            if (node.Value.Message is not { IsDispensable: true })
                continue;
            _items.Remove(node);
            _frames--;
            return true;
        }

        return false;
    }

    /// <summary>A message, or without one the mark to finish the streams.</summary>
    internal sealed record Item(Outgoing? Message, Completion? Acknowledged);
}
