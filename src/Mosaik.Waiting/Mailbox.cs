using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Mosaik.Waiting;

/// <summary>
/// A bounded queue with many writers and a single reader: how everybody talks to the one loop that owns a state.
/// </summary>
/// <remarks>
/// <para>Items come out in the order in which they went in. While the mailbox is full, <see cref="PostAsync"/> waits
/// in a first-in-first-out line, and nobody overtakes it: <see cref="TryPost"/> fails as long as somebody waits.</para>
/// <para>Continuations of every wait are posted to the scheduler given at construction, never run inside a call of
/// this type and never anywhere else, whatever the flags of the await say. In steady state neither an item nor a wait
/// allocates when the scheduler is <see cref="TaskScheduler.Default"/>.</para>
/// <para>All members are thread-safe; at most one read wait may be pending at a time.</para>
/// </remarks>
/// <typeparam name="T">The type of an item.</typeparam>
public sealed class Mailbox<T>
{
    private const int SmallestBuffer = 8;
    private const int MaxPooledWriters = 64;

    private readonly Lock _lock = new();
    private readonly TaskScheduler _scheduler;
    private readonly ReadinessWait _readiness;
    private readonly ItemWait _item;
    private T[] _buffer = [];
    private int _head;
    private int _count;
    private WaitQueue<Writer, bool> _writers;
    private Writer? _pooledWriters;
    private int _pooledCount;
    private Reading _reading;
    private bool _closed;
    private Exception? _error;

    /// <summary>Makes an empty mailbox.</summary>
    /// <param name="capacity">How many items may wait to be read; at least 1.</param>
    /// <param name="scheduler">Where continuations run; <see cref="TaskScheduler.Default"/> if null.</param>
    public Mailbox(int capacity, TaskScheduler? scheduler = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        Capacity = capacity;
        _scheduler = scheduler ?? TaskScheduler.Default;
        _readiness = new ReadinessWait(this);
        _item = new ItemWait(this);
    }

    private enum Reading
    {
        Nobody,
        ForReadiness,
        ForItem,
    }

    /// <summary>How many items may wait to be read.</summary>
    public int Capacity { get; }

    /// <summary>How many items wait to be read now.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _count;
        }
    }

    /// <summary>True once <see cref="Complete"/> was called and everything posted before was read.</summary>
    public bool IsCompleted
    {
        get
        {
            lock (_lock)
                return _closed && _count == 0;
        }
    }

    /// <summary>Posts an item if there is room now.</summary>
    /// <param name="item">The item.</param>
    /// <returns>False if the mailbox is full, somebody is waiting for room, or it was completed.</returns>
    public bool TryPost(T item)
    {
        if (!TryAccept(item, out Reading woken))
            return false;
        Wake(woken, item);
        return true;
    }

    /// <summary>
    /// The same by a loop that is about to wait again: a reader that waits for the item continues on this thread when
    /// the loop does so, instead of being queued for another thread of the pool.
    /// </summary>
    /// <remarks>
    /// The reader must not be kept waiting: what the caller still does before its next await is short. Where the caller
    /// was not itself continued by a wait of this library, and on other schedulers than the default, nothing is
    /// different.
    /// </remarks>
    /// <param name="item">The item.</param>
    /// <returns>False if the mailbox is full, somebody is waiting for room, or it was completed.</returns>
    public bool TryPostLast(T item)
    {
        if (!TryAccept(item, out Reading woken))
            return false;
        if (woken == Reading.ForItem)
            _item.SucceedNext(item);
        else if (woken == Reading.ForReadiness)
            _readiness.SucceedNext(true);
        return true;
    }

    /// <summary>Posts an item, waiting in line while the mailbox is full.</summary>
    /// <param name="item">The item.</param>
    /// <param name="cancellationToken">Ends the wait; the item is then not posted.</param>
    /// <returns>True if the item was posted, false if the mailbox was completed before there was room.</returns>
    public ValueTask<bool> PostAsync(T item, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<bool>(cancellationToken);
        Writer? writer = null;
        var woken = Reading.Nobody;
        lock (_lock)
        {
            if (_closed)
                return new ValueTask<bool>(false);
            if (_count < Capacity && _writers.First is null)
                woken = Accept(item);
            else
                writer = Enqueue(item, cancellationToken);
        }

        if (writer is null)
        {
            Wake(woken, item);
            return new ValueTask<bool>(true);
        }

        writer.WatchToken();
        return writer.Task;
    }

    /// <summary>Reads the oldest item if there is one.</summary>
    /// <param name="item">The item.</param>
    /// <returns>False if the mailbox is empty.</returns>
    public bool TryRead([MaybeNullWhen(false)] out T item)
    {
        Writer? admitted;
        lock (_lock)
        {
            if (_count == 0)
            {
                item = default;
                return false;
            }

            item = Take(out admitted);
        }

        admitted?.Succeed(true);
        return true;
    }

    /// <summary>Looks at the oldest item if there is one; it stays.</summary>
    /// <param name="item">The item.</param>
    /// <returns>False if the mailbox is empty.</returns>
    public bool TryPeek([MaybeNullWhen(false)] out T item)
    {
        lock (_lock)
        {
            item = _count > 0 ? _buffer[_head] : default;
            return _count > 0;
        }
    }

    /// <summary>Waits until an item can be read.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>True if there is an item; false if the mailbox was completed and is empty.</returns>
    /// <exception cref="InvalidOperationException">Another read wait is pending.</exception>
    public ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<bool>(cancellationToken);
        lock (_lock)
        {
            if (_count > 0)
                return new ValueTask<bool>(true);
            if (_closed)
                return _error is null ? new ValueTask<bool>(false) : ValueTask.FromException<bool>(_error);
            StartReading(Reading.ForReadiness);
            _readiness.Token = cancellationToken;
        }

        _readiness.WatchToken();
        return _readiness.Task;
    }

    /// <summary>Reads the oldest item, waiting while the mailbox is empty.</summary>
    /// <param name="cancellationToken">Ends the wait; no item is lost.</param>
    /// <returns>The item.</returns>
    /// <exception cref="MailboxCompletedException">The mailbox was completed without an error and is empty.</exception>
    /// <exception cref="InvalidOperationException">Another read wait is pending.</exception>
    public ValueTask<T> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<T>(cancellationToken);
        T item;
        Writer? admitted;
        var waits = true;
        lock (_lock)
        {
            if (_count == 0)
            {
                if (_closed)
                    return ValueTask.FromException<T>(_error ?? new MailboxCompletedException());
                StartReading(Reading.ForItem);
                _item.Token = cancellationToken;
                item = default!; // not used: the wait below yields it
                admitted = null;
            }
            else
            {
                item = Take(out admitted);
                waits = false;
            }
        }

        if (!waits)
        {
            admitted?.Succeed(true);
            return new ValueTask<T>(item);
        }

        _item.WatchToken();
        return _item.Task;
    }

    /// <summary>Reads everything until the mailbox is completed.</summary>
    /// <param name="cancellationToken">Ends the enumeration with an exception.</param>
    /// <returns>The items in order.</returns>
    public async IAsyncEnumerable<T> ReadAllAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (await WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            while (TryRead(out var item))
                yield return item;
        }
    }

    /// <summary>
    /// Takes no more items. What was posted can still be read; writers that wait for room get false.
    /// </summary>
    /// <param name="error">If given, read waits fail with it once the mailbox is empty.</param>
    /// <returns>False if the mailbox was completed before.</returns>
    public bool Complete(Exception? error = null)
    {
        Writer? writers;
        Reading reading;
        lock (_lock)
        {
            if (_closed)
                return false;
            _closed = true;
            _error = error;
            writers = _writers.TakeAll();
            reading = _reading; // a pending read wait means that the mailbox is empty
            _reading = Reading.Nobody;
        }

        while (writers is not null)
        {
            var next = writers.Next;
            writers.Succeed(false);
            writers = next;
        }

        if (reading == Reading.ForItem)
            _item.Fail(error ?? new MailboxCompletedException());
        else if (reading == Reading.ForReadiness && error is null)
            _readiness.Succeed(false);
        else if (reading == Reading.ForReadiness)
            _readiness.Fail(error!); // not null: the case before
        return true;
    }

    /// <summary>Takes an item in if there is room and nobody is in line for it.</summary>
    private bool TryAccept(T item, out Reading woken)
    {
        woken = default;
        lock (_lock)
        {
            if (_closed || _count == Capacity || _writers.First is not null)
                return false;
            woken = Accept(item);
            return true;
        }
    }

    /// <summary>Stores an item, or finds out that the waiting reader gets it. Under the lock.</summary>
    private Reading Accept(T item)
    {
        var reading = _reading;
        _reading = Reading.Nobody;
        if (reading != Reading.ForItem)
            Store(item);
        return reading;
    }

    private void Wake(Reading reading, T item)
    {
        if (reading == Reading.ForItem)
            _item.Succeed(item);
        else if (reading == Reading.ForReadiness)
            _readiness.Succeed(true);
    }

    private void StartReading(Reading reading)
    {
        if (_reading != Reading.Nobody || _readiness.Busy || _item.Busy)
            throw new InvalidOperationException("A mailbox has a single reader, and it is waiting already.");
        _reading = reading;
        if (reading == Reading.ForItem)
            _item.Busy = true;
        else
            _readiness.Busy = true;
    }

    private void Store(T item)
    {
        if (_count == _buffer.Length)
            Grow();
        var tail = _head + _count;
        if (tail >= _buffer.Length)
            tail -= _buffer.Length;
        _buffer[tail] = item;
        _count++;
    }

    private void Grow()
    {
        var larger = new T[(int)Math.Min(Capacity, Math.Max(SmallestBuffer, 2L * _buffer.Length))];
        var first = Math.Min(_count, _buffer.Length - _head);
        Array.Copy(_buffer, _head, larger, 0, first);
        Array.Copy(_buffer, 0, larger, first, _count - first);
        _buffer = larger;
        _head = 0;
    }

    /// <summary>Removes the oldest item and lets the first waiting writer in. Under the lock.</summary>
    private T Take(out Writer? admitted)
    {
        var item = _buffer[_head];
        _buffer[_head] = default!; // no longer reachable through the ring
        if (++_head == _buffer.Length)
            _head = 0;
        _count--;
        admitted = _writers.First;
        if (admitted is not null)
        {
            _writers.Remove(admitted);
            Store(admitted.Item);
        }

        return item;
    }

    private Writer Enqueue(T item, CancellationToken cancellationToken)
    {
        var writer = _pooledWriters;
        if (writer is null)
        {
            writer = new Writer(this);
        }
        else
        {
            _pooledWriters = writer.Next;
            _pooledCount--;
        }

        writer.Item = item;
        writer.Token = cancellationToken;
        _writers.Add(writer);
        return writer;
    }

    /// <summary>The reader's wait for something to read.</summary>
    private sealed class ReadinessWait(Mailbox<T> owner) : WaitSource<bool>(owner._scheduler)
    {
        /// <summary>From arming until the result was fetched. Under the owner's lock.</summary>
        internal bool Busy { get; set; }

        protected override void TryCancel(CancellationToken token)
        {
            lock (owner._lock)
            {
                if (owner._reading != Reading.ForReadiness || token != Token)
                    return;
                owner._reading = Reading.Nobody;
            }

            Fail(new OperationCanceledException(token));
        }

        protected override void OnReleased()
        {
            lock (owner._lock)
                Busy = false;
        }
    }

    /// <summary>The reader's wait for an item, handed over without a detour through the ring.</summary>
    private sealed class ItemWait(Mailbox<T> owner) : WaitSource<T>(owner._scheduler)
    {
        /// <summary>From arming until the result was fetched. Under the owner's lock.</summary>
        internal bool Busy { get; set; }

        protected override void TryCancel(CancellationToken token)
        {
            lock (owner._lock)
            {
                if (owner._reading != Reading.ForItem || token != Token)
                    return;
                owner._reading = Reading.Nobody;
            }

            Fail(new OperationCanceledException(token));
        }

        protected override void OnReleased()
        {
            lock (owner._lock)
                Busy = false;
        }
    }

    /// <summary>A writer in line, with its item.</summary>
    private sealed class Writer(Mailbox<T> owner) : QueuedWait<Writer, bool>(owner._scheduler)
    {
        internal T Item { get; set; } = default!; // set before the writer is queued

        protected override void TryCancel(CancellationToken token)
        {
            lock (owner._lock)
            {
                if (!Queued || token != Token)
                    return;
                owner._writers.Remove(this);
            }

            Fail(new OperationCanceledException(token));
        }

        protected override void OnReleased()
        {
            Item = default!; // not kept alive by the pool
            lock (owner._lock)
            {
                Previous = null;
                Next = null;
                if (owner._pooledCount == MaxPooledWriters)
                    return;
                Next = owner._pooledWriters;
                owner._pooledWriters = this;
                owner._pooledCount++;
            }
        }
    }
}
