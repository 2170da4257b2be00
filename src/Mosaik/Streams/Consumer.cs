using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;
using Mosaik.Primitives;

namespace Mosaik.Streams;

/// <summary>
/// Receives a stream from every producer of it in the catalog, those that appear later included.
/// </summary>
/// <remarks>
/// <para>The consumer finds producers, subscribes to each over a connection of its own, and subscribes again after
/// failures. What it reads is in order per producer, without duplicates, and without gaps while connected; the data of
/// several producers interleaves. When its queue is full it stops reading from the network, which slows the producers
/// down, or drops the oldest, as <see cref="ConsumerOptions{T}.QueueFullMode"/> says.</para>
/// <para>One reader at a time; everything else is thread-safe. A cancelled read takes nothing. Source: spec/streams.md
/// §8, §11.</para>
/// </remarks>
/// <typeparam name="T">The datum.</typeparam>
public sealed class Consumer<T> : ChannelReader<T>, IAsyncEnumerable<T>, IAsyncDisposable
{
    private readonly ConsumerDriver<T> _driver;

    internal Consumer(ConsumerDriver<T> driver) => _driver = driver;

    /// <summary>The stream.</summary>
    public StreamId StreamId => _driver.StreamId;

    /// <summary>The settings.</summary>
    public ConsumerOptions<T> Options => _driver.Options;

    /// <summary>Whether the online condition holds; by default: at least one producer is connected.</summary>
    public bool IsOnline => _driver.IsOnline;

    /// <summary>Conditions to wait for.</summary>
    public StreamWhen When => _driver.When;

    /// <summary>A snapshot of the subscriptions that have not ended.</summary>
    public IReadOnlyList<ChannelInfo> Producers => _driver.Channels.Snapshot;

    /// <summary>
    /// What the application has taken so far, and for how long at least one producer has been connected.
    /// </summary>
    public StreamStats Stats => new(Datums, Bytes, Uptime);

    /// <summary>Datums taken so far.</summary>
    public long Datums => _driver.Datums;

    /// <summary>Their payload bytes.</summary>
    public long Bytes => _driver.Bytes;

    /// <summary>For how long at least one producer has been connected without a break; null while none is.</summary>
    public TimeSpan? Uptime => _driver.Uptime;

    /// <inheritdoc/>
    /// <remarks>Completes when the consumer or its network is closed and everything was read or discarded.</remarks>
    public override Task Completion => _driver.WhenDrainedAsync().AsTask();

    /// <inheritdoc/>
    public override bool CanCount => true;

    /// <inheritdoc/>
    public override int Count => _driver.Queue.Count;

    /// <inheritdoc/>
    public override bool CanPeek => true;

    /// <inheritdoc/>
    public override bool TryPeek([MaybeNullWhen(false)] out T item)
    {
        var found = _driver.Queue.TryPeek(out var delivery);
        item = delivery.Datum!; // there is one when it was found
        return found;
    }

    /// <inheritdoc/>
    public override bool TryRead([MaybeNullWhen(false)] out T item) => _driver.TryTake(out item);

    /// <summary>Takes a datum now, or says why there is none. Never waits.</summary>
    /// <param name="item">The datum, for <see cref="ReceiveResult.Item"/>.</param>
    public ReceiveResult TryReceive([MaybeNull] out T item)
    {
        if (_driver.TryTake(out item))
            return ReceiveResult.Item;
        return _driver.Queue.IsCompleted ? ReceiveResult.Closed : ReceiveResult.Empty;
    }

    /// <summary>Takes the datums that wait now, as many as there is space for. Never waits.</summary>
    /// <param name="items">Receives them.</param>
    /// <returns>How many were taken.</returns>
    public int TryReceiveMany(Span<T> items)
    {
        var count = 0;
        while (count < items.Length && _driver.TryTake(out var item))
            items[count++] = item;
        return count;
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">Another read is pending.</exception>
    public override ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken = default) =>
        _driver.Queue.WaitToReadAsync(cancellationToken);

    /// <summary>Takes the next datum, waiting for it.</summary>
    /// <param name="cancellationToken">Ends the wait; nothing is taken then.</param>
    /// <exception cref="ChannelClosedException">The consumer or its network was closed, and everything was
    /// read.</exception>
    /// <exception cref="InvalidOperationException">Another read is pending.</exception>
    public override ValueTask<T> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<T>(cancellationToken);
        return _driver.TryTake(out var item) ? new ValueTask<T>(item) : WaitAndReadAsync(cancellationToken);
    }

    /// <summary>The same as <see cref="ReadAsync"/>.</summary>
    /// <inheritdoc cref="ReadAsync"/>
    public ValueTask<T> ReceiveAsync(CancellationToken cancellationToken = default) => ReadAsync(cancellationToken);

    /// <summary>Takes what waits, at least one datum, waiting for the first.</summary>
    /// <param name="items">Receives the datums; not empty.</param>
    /// <param name="cancellationToken">Ends the wait; nothing is taken then.</param>
    /// <returns>How many were taken; 0 at the end.</returns>
    /// <exception cref="InvalidOperationException">Another read is pending.</exception>
    public async ValueTask<int> ReadBatchAsync(Memory<T> items, CancellationToken cancellationToken = default)
    {
        if (items.IsEmpty)
            throw new ArgumentException("There is no space for a datum.", nameof(items));
        while (await WaitToReadAsync(cancellationToken).ConfigureAwait(false))
            if (TryReceiveMany(items.Span) is var count and > 0)
                return count;
        return 0;
    }

    /// <summary>Yields datums until the consumer or its network is closed; throws on cancellation.</summary>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    public async IAsyncEnumerator<T> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        while (await WaitToReadAsync(cancellationToken).ConfigureAwait(false))
            while (TryRead(out var item))
                yield return item;
    }

    /// <summary>
    /// Judges all producers again by <see cref="ConsumerOptions{T}.SubscribeIf"/> and tickets, for rules that depend on
    /// more than the peer. Does not wait.
    /// </summary>
    public void Reevaluate() => _driver.Reevaluate();

    /// <summary>Closes all subscriptions and discards what was not read; done within half a second.</summary>
    public ValueTask DisposeAsync() => _driver.DisposeAsync();

    private async ValueTask<T> WaitAndReadAsync(CancellationToken cancellationToken)
    {
        while (await WaitToReadAsync(cancellationToken).ConfigureAwait(false))
            if (TryRead(out var item))
                return item;
        throw _driver.ClosedException();
    }
}
