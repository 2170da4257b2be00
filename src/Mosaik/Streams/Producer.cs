using System.Threading.Channels;
using Mosaik.Primitives;

namespace Mosaik.Streams;

/// <summary>
/// A handle to a stream that this node produces: every datum goes to all consumers that are subscribed.
/// </summary>
/// <remarks>
/// <para>Delivery is at most once and in order per consumer, from its subscription on; nothing is replayed. A write
/// completes when the datum was accepted, not when it was delivered. Writes wait while the producer is offline (by
/// default: while nobody is subscribed) and while even the fastest consumer is behind by the buffer size.</para>
/// <para>Thread-safe; any number of handles share one stream. Disposing the last handle sends what was accepted,
/// within half a second, and ends the stream. Source: spec/streams.md §4, §11.</para>
/// </remarks>
/// <typeparam name="T">The datum.</typeparam>
public sealed class Producer<T> : ChannelWriter<T>, IAsyncDisposable
{
    private readonly NetworkStreams _streams;
    private readonly StreamSink<T> _sink;
    private readonly ProducerHandle _handle = new();

    internal Producer(NetworkStreams streams, StreamSink<T> sink)
    {
        _streams = streams;
        _sink = sink;
        When = sink.When;
    }

    /// <summary>The stream.</summary>
    public StreamId StreamId => _sink.StreamId;

    /// <summary>The settings with which the stream was created; all handles share them.</summary>
    public ProducerOptions<T> Options => _sink.Options;

    /// <summary>Whether datums are accepted: the online condition holds and the handle is open.</summary>
    public bool IsOnline => _sink.IsOnline && !_handle.IsClosed;

    /// <summary>Conditions to wait for.</summary>
    public StreamWhen When { get; }

    /// <summary>A snapshot of the subscriptions that have not ended.</summary>
    public IReadOnlyList<ChannelInfo> Consumers => _sink.Channels.Snapshot;

    /// <summary>Accepts the datum now or says why not. Never waits.</summary>
    /// <param name="datum">The value; encoded during the call.</param>
    public SendResult TrySend(T datum) => _sink.TrySend(datum, _handle);

    /// <inheritdoc/>
    /// <remarks>True only for <see cref="SendResult.Accepted"/>; <see cref="TrySend"/> tells the reason.</remarks>
    public override bool TryWrite(T item) => TrySend(item) == SendResult.Accepted;

    /// <summary>The same as <see cref="WriteAsync"/>.</summary>
    /// <inheritdoc cref="WriteAsync"/>
    /// <param name="datum">The value; encoded during the call, or when it is served if nobody was subscribed.</param>
    /// <param name="cancellationToken">Withdraws a send that still waits; it then has no effect.</param>
    public ValueTask SendAsync(T datum, CancellationToken cancellationToken = default) =>
        _sink.SendAsync(datum, _handle, cancellationToken);

    /// <summary>
    /// Waits until the producer is online and has room, behind earlier writers, and accepts the datum.
    /// </summary>
    /// <param name="item">The value; encoded during the call, or when it is served if nobody was subscribed.</param>
    /// <param name="cancellationToken">Withdraws a write that still waits; it then has no effect.</param>
    /// <exception cref="ChannelClosedException">The handle, the stream or the network was closed.</exception>
    /// <exception cref="DatumEncodingException">The codec failed.</exception>
    /// <exception cref="DatumTooLargeException">The encoded datum is above the stream's limit.</exception>
    public override ValueTask WriteAsync(T item, CancellationToken cancellationToken = default) =>
        _sink.SendAsync(item, _handle, cancellationToken);

    /// <inheritdoc/>
    public override async ValueTask<bool> WaitToWriteAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            await _sink.WaitForRoomAsync(_handle, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (ChannelClosedException)
        {
            return false;
        }
    }

    /// <summary>
    /// Waits until everything accepted before the call has arrived at every consumer that is subscribed now: their
    /// transports have acknowledged it. What is written later is not waited for, nor is a consumer that leaves.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask FlushAsync(CancellationToken cancellationToken = default) => _sink.FlushAsync(cancellationToken);

    /// <summary>Another handle to the same stream.</summary>
    /// <exception cref="ChannelClosedException">This handle, the stream or the network was closed.</exception>
    public Producer<T> Clone() => !_handle.IsClosed && _sink.TryOpenHandle()
        ? new Producer<T>(_streams, _sink)
        : throw StreamClosedException.Of(StreamId, isNetworkStopped: false);

    /// <summary>
    /// Judges all consumers again by <see cref="ProducerOptions{T}.AcceptIf"/> and tickets, for rules that depend on
    /// more than the peer. Does not wait.
    /// </summary>
    public void Reevaluate() => _sink.Reevaluate();

    /// <summary>Closes this handle; writers that wait on it fail. The stream ends with its last handle.</summary>
    /// <param name="error">Not used: consumers are told that the stream has ended, never why.</param>
    public override bool TryComplete(Exception? error = null)
    {
        if (!_handle.TryClose())
            return false;
        _streams.Release(_sink, _handle);
        return true;
    }

    /// <summary>
    /// Closes this handle. For the last one: completes when accepted datums were sent and all links are closed.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        TryComplete();
        if (_sink.IsClosed)
            await _sink.WhenClosedAsync().ConfigureAwait(false);
    }
}
