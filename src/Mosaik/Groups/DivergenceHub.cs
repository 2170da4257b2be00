using Mosaik.Groups.Raft;
using Mosaik.Waiting;

namespace Mosaik.Groups;

/// <summary>Tells everybody who wants to know of entries that were taken back. A slow reader misses the oldest ones.</summary>
internal sealed class DivergenceHub(TaskScheduler scheduler)
{
    private const int Backlog = 16;

    private readonly Lock _lock = new();
    private readonly List<Reader> _readers = [];
    private Exception? _ended;

    /// <summary>Begins to read: everything from now on.</summary>
    public Reader Subscribe()
    {
        var reader = new Reader(new Signal(scheduler));
        lock (_lock)
        {
            if (_ended is null)
                _readers.Add(reader);
            else
                reader.End();
        }

        return reader;
    }

    public void Unsubscribe(Reader reader)
    {
        lock (_lock)
            _readers.Remove(reader);
    }

    public void Post(RaftDivergence divergence)
    {
        lock (_lock)
        {
            foreach (var reader in _readers)
                reader.Post(divergence);
        }
    }

    public void End(Exception reason)
    {
        lock (_lock)
        {
            _ended = reason;
            foreach (var reader in _readers)
                reader.End();
            _readers.Clear();
        }
    }

    /// <summary>One reader.</summary>
    internal sealed class Reader(Signal signal)
    {
        private readonly Lock _lock = new();
        private readonly Queue<RaftDivergence> _waiting = new();
        private long _missed;
        private bool _ended;

        /// <summary>The next one and how many were missed before it; null when there will be none.</summary>
        public async ValueTask<(RaftDivergence Divergence, long Missed)?> NextAsync(CancellationToken cancellationToken)
        {
            while (true)
            {
                lock (_lock)
                {
                    if (_waiting.TryDequeue(out var next))
                    {
                        var missed = _missed;
                        _missed = 0;
                        return (next, missed);
                    }

                    if (_ended)
                        return null;
                }

                await signal.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }

        public void Post(RaftDivergence divergence)
        {
            lock (_lock)
            {
                if (_waiting.Count == Backlog)
                {
                    _waiting.Dequeue();
                    _missed++;
                }

                _waiting.Enqueue(divergence);
            }

            signal.Set();
        }

        public void End()
        {
            lock (_lock)
                _ended = true;
            signal.Set();
        }
    }
}
