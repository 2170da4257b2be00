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
/// down.</para>
/// <para>One reader at a time; everything else is thread-safe. Source: spec/streams.md §8, §11.</para>
/// </remarks>
/// <typeparam name="T">The datum.</typeparam>
public sealed class Consumer<T> : ChannelReader<T>, IAsyncEnumerable<T>, IAsyncDisposable
{
    private readonly ConsumerDriver<T> _driver;

    internal Consumer(ConsumerDriver<T> driver)
    {
        _driver = driver;
        When = new StreamWhen(driver.Channels, driver.OnlineCondition);
    }

    /// <summary>The stream.</summary>
    public StreamId StreamId => _driver.StreamId;

    /// <summary>Whether the online condition holds; by default: at least one producer is connected.</summary>
    public bool IsOnline => _driver.IsOnline;

    /// <summary>Conditions to wait for.</summary>
    public StreamWhen When { get; }

    /// <summary>A snapshot of the subscriptions that have not ended.</summary>
    public IReadOnlyList<ChannelInfo> Producers => _driver.Channels.Snapshot;

    /// <summary>Datums taken so far.</summary>
    public long Datums => _driver.Datums;

    /// <summary>Their payload bytes.</summary>
    public long Bytes => _driver.Bytes;

    /// <summary>For how long at least one producer has been connected without a break; null while none is.</summary>
    public TimeSpan? Uptime => _driver.Uptime;

    /// <inheritdoc/>
    public override bool CanCount => true;

    /// <inheritdoc/>
    public override int Count => _driver.Queue.Count;

    /// <inheritdoc/>
    public override bool TryRead([MaybeNullWhen(false)] out T item) => _driver.TryTake(out item);

    /// <inheritdoc/>
    public override ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken = default) =>
        _driver.Queue.WaitToReadAsync(cancellationToken);

    /// <summary>Yields datums until the consumer or its network is closed; throws on cancellation.</summary>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    public async IAsyncEnumerator<T> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        while (await WaitToReadAsync(cancellationToken).ConfigureAwait(false))
            while (TryRead(out var item))
                yield return item;
    }

    /// <summary>Closes all subscriptions and discards what was not read; done within half a second.</summary>
    public ValueTask DisposeAsync() => _driver.DisposeAsync();
}
