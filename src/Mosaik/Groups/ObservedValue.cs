using Mosaik.Waiting;

namespace Mosaik.Groups;

/// <summary>
/// A value that one owner publishes and anybody reads or waits on. Every published value is shown to every wait that has
/// begun, none is skipped. Thread-safe.
/// </summary>
/// <typeparam name="T">An immutable type.</typeparam>
internal sealed class ObservedValue<T>(T initial, TaskScheduler scheduler)
    where T : class
{
    private readonly Lock _lock = new();
    private readonly LinkedList<Wait> _waits = [];
    private T _current = initial;
    private Exception? _error;

    /// <summary>The value published last.</summary>
    public T Current => Volatile.Read(ref _current);

    /// <summary>Publishes a value. A predicate that throws fails its own wait only.</summary>
    public void Publish(T value)
    {
        lock (_lock)
        {
            Volatile.Write(ref _current, value);
            for (var node = _waits.First; node is not null;)
            {
                var next = node.Next;
                if (node.Value.IsOver(value))
                    _waits.Remove(node);
                node = next;
            }
        }
    }

    /// <summary>Nothing more will be published: waits that are not met fail, those that begin later too.</summary>
    public void Fail(Exception error)
    {
        lock (_lock)
        {
            _error ??= error;
            foreach (var wait in _waits)
                wait.Ended.TrySetException(error);
            _waits.Clear();
        }
    }

    /// <summary>The first value from now on that a predicate accepts.</summary>
    public async ValueTask<T> WaitAsync(Func<T, bool> predicate, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var wait = new Wait(predicate, new Completion<T>(scheduler));
        LinkedListNode<Wait> node;
        lock (_lock)
        {
            if (predicate(_current))
                return _current;
            if (_error is not null)
                throw _error;
            node = _waits.AddLast(wait);
        }

        try
        {
            return await wait.Ended.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            lock (_lock)
            {
                if (node.List is not null)
                    _waits.Remove(node);
            }

            throw;
        }
    }

    private sealed record Wait(Func<T, bool> Predicate, Completion<T> Ended)
    {
        public bool IsOver(T value)
        {
            try
            {
                return Predicate(value) && Ended.TrySetResult(value);
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                return Ended.TrySetException(error);
            }
        }
    }
}
