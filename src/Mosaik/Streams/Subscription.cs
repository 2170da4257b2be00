using System.Buffers;
using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Waiting;

namespace Mosaik.Streams;

/// <summary>
/// The producer's side of one subscription: the long-lived loop that writes to one consumer.
/// </summary>
/// <remarks>
/// StartStream first, then: take everything that waits, lay it back to back, one write, until the first reason to
/// end. A non-empty backlog is never delayed. Statistics are updated before the bytes are handed over, so that a
/// consumer that has a datum can rely on the counters. Source: spec/streams.md §4.5, §11.2.
/// </remarks>
internal sealed class Subscription<T> : IBacklogOwner, IDisposable
{
    private const int MaxBatchBytes = 64 * 1024;
    private const int MaxBatchFrames = 256;

    private readonly StreamSink<T> _sink;
    private readonly Link _link;
    private readonly ChannelInfo _channel;
    private readonly Signal _wake;
    private readonly Completion _ended;
    private readonly CancellationTokenSource _stop = new();
    private readonly DatumFrame[] _batch = new DatumFrame[MaxBatchFrames];

    private volatile bool _draining;
    private volatile bool _lagging;
    private long _drainStarted;

    /// <summary>Registers the subscription: it is given what is published from now on. Under the sink's lock.</summary>
    public Subscription(StreamSink<T> sink, Link link, PeerEntry peer, FanOutCore core)
    {
        var context = sink.Context;
        _sink = sink;
        _link = link;
        _wake = new Signal(context.Scheduler, context.TimeProvider);
        _ended = new Completion(context.Scheduler);
        _channel = context.NewChannel(sink.StreamId, producer: context.LocalId, consumer: link.RemoteId, peer);
        Backlog = core.Add(this);
    }

    /// <summary>What waits to be written.</summary>
    public Backlog Backlog { get; }

    /// <summary>Who waits until nothing waits to be written. Under the sink's lock.</summary>
    public Completion? Idle { get; set; }

    /// <inheritdoc/>
    public void Wake() => _wake.Set();

    /// <inheritdoc/>
    public void DropLagging()
    {
        _lagging = true;
        Stop();
    }

    /// <summary>The stream is being closed: write what waits, within the drain time, then end with 204.</summary>
    public void BeginDrain()
    {
        _drainStarted = _sink.Context.TimeProvider.GetTimestamp();
        _draining = true;
        _wake.Set();
    }

    /// <summary>Waits until what waits now is written and acknowledged, or the subscription has ended.</summary>
    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        Completion? idle;
        while ((idle = _sink.WhenIdle(this)) is not null)
            await idle.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await _link.WaitAllAcknowledgedAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (LinkException)
        {
            // It has ended: nobody is left to wait for.
        }
    }

    /// <summary>Completes when the link is closed and the channel has terminated.</summary>
    public ValueTask EndedAsync() => _ended.WaitAsync();

    /// <summary>Serves the consumer until one side ends; never throws.</summary>
    public async Task RunAsync()
    {
        var context = _sink.Context;
        var watch = context.Scheduler.Start(WatchConnectionAsync);
        var reason = CloseCode.UnexpectedClose;
        try
        {
            _sink.Channels.Add(_channel);
            await WriteAsync().ConfigureAwait(false);

            // Everything is written: wait, within the drain time, until the consumer has acknowledged it.
            var left = context.Options.DrainTimeout - context.TimeProvider.GetElapsedTime(_drainStarted);
            reason = CloseCode.GracefulShutdown;
            await _link.CloseAsync(reason, left).ConfigureAwait(false);
        }
        catch (Exception error) when (error is OperationCanceledException or LinkException)
        {
            // It lags, the consumer has left, or the connection was lost: the consumer's code is the reason, 103
            // where there is none.
            reason = _lagging ? CloseCode.TooSlow
                : _link.Connection.CloseInfo?.RemoteCode
                    ?? (_draining ? CloseCode.GracefulShutdown : CloseCode.UnexpectedClose);
        }

        await EndAsync(reason, watch).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose() => _stop.Dispose();

    private async Task WriteAsync()
    {
        var context = _sink.Context;
        await _link.SendRawAsync(
            new StreamHandshake(context.NetworkId, _sink.StreamId).Encode(), _stop.Token).ConfigureAwait(false);
        _sink.Channels.SetState(_channel, ChannelState.Connected);
        StreamsLog.ConsumerConnected(context.Logger, _sink.StreamId, _link.RemoteId);
        var gather = ArrayPool<byte>.Shared.Rent(MaxBatchBytes);
        try
        {
            while (true)
            {
                var count = _sink.Take(Backlog, _batch, MaxBatchBytes);
                if (count > 0)
                    await WriteBatchAsync(count, gather).ConfigureAwait(false);
                else if (_draining)
                    return;
                else
                    await _wake.WaitAsync(_stop.Token).ConfigureAwait(false);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(gather);
        }
    }

    private async ValueTask WriteBatchAsync(int count, byte[] gather)
    {
        try
        {
            var (length, payload) = (0, 0L);
            ReadOnlyMemory<byte> bytes = gather;
            for (var i = 0; i < count; i++)
            {
                payload += _batch[i].PayloadLength;
                if (count == 1)
                {
                    bytes = _batch[i].Bytes; // a lone frame, perhaps larger than the gather buffer, needs no copy
                    length = bytes.Length;
                }
                else
                {
                    _batch[i].Bytes.Span.CopyTo(gather.AsSpan(length));
                    length += _batch[i].Length;
                }
            }

            _channel.Count(count, payload);
            _sink.Context.Metrics.Sent(_sink.Labels, count, payload);
            await _link.Sender.SendFramedAsync(bytes[..length], count, _stop.Token).ConfigureAwait(false);
            _sink.HandedOver(this);
        }
        finally
        {
            for (var i = 0; i < count; i++)
            {
                _batch[i].Release();
                _batch[i] = null!; // the slots are filled again before they are read
            }
        }
    }

    /// <summary>Ends the loop when the connection does.</summary>
    private async Task WatchConnectionAsync()
    {
        await _link.Connection.WaitClosedAsync().ConfigureAwait(false);
        Stop();
    }

    private void Stop()
    {
        try
        {
            _stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It ended by itself in the same moment.
        }
    }

    private async Task EndAsync(CloseCode reason, Task watch)
    {
        var context = _sink.Context;
        var missed = _sink.Remove(this);
        if (_lagging)
        {
            context.Metrics.Dropped(_sink.Labels, missed);
            StreamsLog.ConsumerLagging(context.Logger, _sink.StreamId, _link.RemoteId, missed);
        }

        _link.Abort(reason);
        await _link.DisposeAsync().ConfigureAwait(false);
        await watch.ConfigureAwait(false);
        _sink.Channels.SetState(_channel, ChannelState.Terminated, reason);
        StreamsLog.ConsumerLeft(context.Logger, _sink.StreamId, _link.RemoteId, reason);
        _ended.TrySetResult();
    }
}
