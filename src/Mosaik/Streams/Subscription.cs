using System.Buffers;
using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Streams;

/// <summary>
/// The producer's side of one subscription: the long-lived loop that writes to one consumer.
/// </summary>
/// <remarks>
/// <para>StartStream first, then: take everything that waits, lay it back to back, one write, until the first reason to
/// end. A non-empty backlog is never delayed. Statistics are updated before the bytes are handed over, so that a
/// consumer that has a datum can rely on the counters.</para>
/// <para>It ends exactly once, whoever is first: lag, the consumer, the connection, the drain. Ending closes the link
/// with the reason, which is what stops a write that is under way; no write is ever cancelled by token, because that
/// would close with 102. Source: spec/streams.md §4.5, §11.2.</para>
/// <para>While the loop sleeps, a sender whose datum comes after a lull writes it on its own thread, which spares the
/// datum the way over the loop's thread. What the transport does not take at once is left to the loop.</para>
/// </remarks>
internal sealed class Subscription<T> : IBacklogOwner
{
    private const int MaxBatchBytes = 64 * 1024;
    private const int MaxBatchFrames = 256;

    private readonly StreamSink<T> _sink;
    private readonly Link _link;
    private readonly ChannelInfo _channel;
    private readonly Signal _wake;
    private readonly Completion _ended;
    private readonly DatumFrame[] _batch = new DatumFrame[MaxBatchFrames];

    // A write that a sender began and the transport has not taken yet; for the loop when the flag is set.
    private ValueTask _begun;
    private int _begunCount;
    private byte[]? _begunGather;
    private volatile bool _hasBegun;

    private int _ending;
    private volatile bool _draining;
    private long _drainStarted;

    /// <summary>Registers the subscription: it is given what is published from now on. Under the sink's lock.</summary>
    /// <param name="sink">Its sink.</param>
    /// <param name="link">The link to the consumer.</param>
    /// <param name="peer">The consumer's entry.</param>
    /// <param name="core">Where to register.</param>
    /// <param name="criteria">What the consumer asked for.</param>
    /// <param name="filter">The place of these criteria in the sink's table, if this end evaluates them.</param>
    public Subscription(
        StreamSink<T> sink, Link link, PeerEntry peer, FanOutCore core, Criteria criteria, int filter)
    {
        var context = sink.Context;
        _sink = sink;
        _link = link;
        _wake = new Signal(context.Scheduler, context.TimeProvider);
        _ended = new Completion(context.Scheduler);
        _channel = context.NewChannel(sink.StreamId, producer: context.LocalId, consumer: link.RemoteId, peer, criteria);
        Backlog = core.Add(this, filter);
    }

    /// <summary>The node that consumes.</summary>
    public PeerId ConsumerId => _channel.ConsumerId;

    /// <summary>What waits to be written.</summary>
    public Backlog Backlog { get; }

    /// <summary>
    /// Who waits until the datums given to this subscription so far were handed over. Under the sink's lock.
    /// </summary>
    public Queue<(long Given, Completion HandedOver)> Flushes { get; } = new();

    private bool IsEnding => Volatile.Read(ref _ending) != 0;

    /// <inheritdoc/>
    public void Wake() => _wake.Set();

    /// <inheritdoc/>
    public void WriteOrWake()
    {
        var count = IsEnding ? 0 : _sink.TryLend(Backlog, _batch);
        if (count == 0)
        {
            _wake.Set();
            return;
        }

        var write = BeginWrite(count, out var gather);
        if (!write.IsCompletedSuccessfully)
        {
            // No room, or the connection has ended: either way the loop sees to it.
            (_begun, _begunCount, _begunGather) = (write, count, gather);
            _hasBegun = true;
            _wake.Set();
            return;
        }

        EndWrite(count, gather);
        _sink.HandedOver(this);
        if (!_sink.TryReturn(Backlog) || _draining || IsEnding)
            _wake.Set();
    }

    /// <inheritdoc/>
    public void DropLagging() => End(CloseCode.TooSlow);

    /// <summary>The rules do not allow the consumer any more.</summary>
    public void Revoke() => End(CloseCode.NotAllowed);

    /// <summary>Shows in the channel how much the consumer has missed. Under the sink's lock.</summary>
    public void ShowDropped() => _channel.SetDropped(Backlog.Dropped);

    /// <summary>The stream is being closed: write what waits, within the drain time, then end with 204.</summary>
    public void BeginDrain()
    {
        _drainStarted = _sink.Context.TimeProvider.GetTimestamp();
        _draining = true;
        _wake.Set();
    }

    /// <summary>The drain time is over: ends with 204, whatever still waits.</summary>
    public void EndDrain() => End(CloseCode.GracefulShutdown);

    /// <summary>Waits until everything written so far is acknowledged, or the subscription has ended.</summary>
    public async ValueTask WaitAllAcknowledgedAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _link.WaitAllAcknowledgedAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (MosaikException)
        {
            // It has ended: nobody is left to wait for.
        }
    }

    /// <summary>Completes when the link is closed and the channel has terminated.</summary>
    public ValueTask EndedAsync(CancellationToken cancellationToken = default) => _ended.WaitAsync(cancellationToken);

    /// <summary>Serves the consumer until one side ends.</summary>
    public async Task RunAsync()
    {
        var context = _sink.Context;
        var watch = context.Scheduler.Start(WatchConnectionAsync);
        try
        {
            _sink.Channels.Add(_channel);
            await WriteAsync().ConfigureAwait(false);
            if (!IsEnding)
            {
                // Everything is written: wait, within the drain time, until the consumer has acknowledged it.
                var left = context.Options.DrainTimeout - context.TimeProvider.GetElapsedTime(_drainStarted);
                await _link.CloseAsync(CloseCode.GracefulShutdown, left).ConfigureAwait(false);
                End(CloseCode.GracefulShutdown);
            }
        }
        catch (Exception error) when (error is OperationCanceledException or MosaikException)
        {
            // The connection has ended, and its end says why.
            End(ReasonOf(_link.Connection.CloseInfo));
        }
        finally
        {
            End(CloseCode.UnexpectedClose); // nothing, unless something unforeseen is on its way to the caller
            await _link.DisposeAsync().ConfigureAwait(false);
            await watch.ConfigureAwait(false);
            _ended.TrySetResult();
        }
    }

    private async Task WriteAsync()
    {
        var context = _sink.Context;
        var start = StreamHandshake.Encode(
            context.NetworkId, _sink.StreamId, Backlog.Filter == Backlog.Everything ? [] : CriteriaCodec.Mark);
        await _link.SendRawAsync(start, CancellationToken.None).ConfigureAwait(false);
        _sink.Connected(_channel);
        StreamsLog.ConsumerConnected(context.Logger, _sink.StreamId, _link.RemoteId);
        while (true)
        {
            int count;
            if (_hasBegun)
            {
                await FinishBegunAsync().ConfigureAwait(false);
            }
            else if (IsEnding)
            {
                if (_sink.TryRetire(Backlog))
                    return;
                await _wake.WaitAsync().ConfigureAwait(false);
            }
            else if ((count = _sink.Take(Backlog, _batch, MaxBatchBytes)) > 0)
            {
                await WriteAsync(BeginWrite(count, out var gather), count, gather).ConfigureAwait(false);
            }
            else if (_draining && count != FanOutCore.Lent)
            {
                return;
            }
            else
            {
                await _wake.WaitAsync().ConfigureAwait(false);
            }
        }
    }

    /// <summary>Counts the batch and hands it to the transport.</summary>
    private ValueTask BeginWrite(int count, out byte[]? gather)
    {
        gather = null;
        var payload = 0L;
        for (var i = 0; i < count; i++)
            payload += _batch[i].PayloadLength;
        ReadOnlyMemory<byte> bytes;
        if (count == 1)
        {
            bytes = _batch[0].Bytes; // a lone frame, perhaps larger than a batch may be, needs no copy
        }
        else
        {
            gather = ArrayPool<byte>.Shared.Rent(MaxBatchBytes);
            bytes = Gather(count, gather);
        }

        _channel.Count(count, payload);
        _sink.Context.Metrics.Sent(_sink.Labels, count, payload);
        return _link.Sender.SendFramedAsync(bytes, count, CancellationToken.None);
    }

    private async ValueTask WriteAsync(ValueTask write, int count, byte[]? gather)
    {
        try
        {
            await write.ConfigureAwait(false);
        }
        finally
        {
            EndWrite(count, gather);
        }

        _sink.HandedOver(this);
    }

    /// <summary>The loop takes over what a sender began.</summary>
    private async ValueTask FinishBegunAsync()
    {
        _hasBegun = false;
        await WriteAsync(_begun, _begunCount, _begunGather).ConfigureAwait(false);
        _begun = default;
        _sink.TryReturn(Backlog);
    }

    /// <summary>The bytes are no longer needed. Comes before the next batch may be taken.</summary>
    private void EndWrite(int count, byte[]? gather)
    {
        if (gather is not null)
            ArrayPool<byte>.Shared.Return(gather);
        for (var i = 0; i < count; i++)
        {
            _batch[i].Release();
            _batch[i] = null!; // the slots are filled again before they are read
        }
    }

    private ReadOnlyMemory<byte> Gather(int count, byte[] gather)
    {
        var length = 0;
        for (var i = 0; i < count; i++)
        {
            _batch[i].Bytes.Span.CopyTo(gather.AsSpan(length));
            length += _batch[i].Length;
        }

        return gather.AsMemory(0, length);
    }

    /// <summary>Ends the subscription when the connection does.</summary>
    private async Task WatchConnectionAsync() =>
        End(ReasonOf(await _link.Connection.WaitClosedAsync().ConfigureAwait(false)));

    /// <summary>The consumer's code; without one 204 if the stream was being closed anyway, else 103.</summary>
    private CloseCode ReasonOf(TransportCloseInfo? info) =>
        info?.RemoteCode ?? (_draining ? CloseCode.GracefulShutdown : CloseCode.UnexpectedClose);

    /// <summary>
    /// The first reason wins. The channel goes before the place in the fan-out: a sender that finds room because this
    /// was the last consumer must find the producer offline too.
    /// </summary>
    private void End(CloseCode reason)
    {
        if (Interlocked.Exchange(ref _ending, 1) != 0)
            return;
        _link.Abort(reason);
        _sink.Ended(this, _channel, reason);
        _wake.Set();
    }
}
