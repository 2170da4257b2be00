using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Streams;

/// <summary>
/// The consumer's side of one subscription: connects to one producer, receives, and connects again.
/// </summary>
/// <remarks>
/// One attempt: connect, write the handshake, read StartStream, check it, then receive until the connection ends. How
/// it ended and how healthy it was decides when the next attempt is made (<see cref="ReconnectCore"/>). Each attempt
/// uses the producer's current address. The loop lives as long as the producer is a candidate; it never throws.
/// Source: spec/streams.md §9.
/// </remarks>
internal sealed class Receiver<T> : IAsyncDisposable
{
    private static readonly TimeSpan HealthyAfter = TimeSpan.FromSeconds(5);

    /// <summary>
    /// What waits no longer than it takes to wake another thread. With more to come, the application begins meanwhile.
    /// </summary>
    private const int FewBytes = 4 * 1024;

    private readonly ConsumerDriver<T> _consumer;
    private readonly StreamContext _context;
    private readonly ReconnectCore _schedule;
    private readonly Signal _trigger;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _previous;
    private readonly LogLimiter _undecodableLog;
    private readonly Task _loop;

    private PeerEntry _entry;
    private ChannelInfo? _channel;
    private CriteriaMatcher<T>? _filter;
    private long _received;
    private bool _isRepeatedFailure;
    private bool _checksRtt;
    private volatile Signal? _connected; // while connected; set at the end
    private volatile bool _isLeaving;

    /// <summary>Starts at once, or when its predecessor for the same producer has closed its link.</summary>
    /// <param name="consumer">The worker.</param>
    /// <param name="entry">The producer's entry.</param>
    /// <param name="previous">The end of the predecessor.</param>
    /// <param name="checksRtt">The rules asked for the round-trip time and it is unknown: they decide once it is
    /// measured.</param>
    public Receiver(ConsumerDriver<T> consumer, PeerEntry entry, Task previous, bool checksRtt)
    {
        _previous = previous;
        _checksRtt = checksRtt;
        _undecodableLog = new LogLimiter(consumer.Context.TimeProvider, TimeSpan.FromMinutes(1));
        _consumer = consumer;
        _context = consumer.Context;
        _entry = entry;
        _schedule = new ReconnectCore(consumer.NewBackoff(), _context.Random);
        _trigger = new Signal(_context.Scheduler, _context.TimeProvider);
        _loop = _context.Scheduler.Start(RunAsync);
    }

    /// <summary>The producer's entry has changed; a waiting attempt may be worth making now.</summary>
    public void Update(PeerEntry entry, bool contentChanged)
    {
        Volatile.Write(ref _entry, entry);
        if (contentChanged)
            Trigger();
    }

    /// <summary>Something changed that may end a terminal cause.</summary>
    public void Trigger() => _trigger.Set();

    /// <summary>
    /// Makes no further attempt, and gives the producer some time to end the connection that there is; then stops for
    /// good. Called once, instead of disposing it.
    /// </summary>
    public async Task LeaveAsync(TimeSpan patience)
    {
        _isLeaving = true;
        if (_connected is { } connected && patience > TimeSpan.Zero)
            await connected.WaitAsync(patience).ConfigureAwait(false);
        await DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Stops for good; completes when the link is closed. Called once.</summary>
    public async ValueTask DisposeAsync()
    {
        _stop.Cancel();
        await _loop.ConfigureAwait(false);
        _stop.Dispose();
    }

    /// <summary>The producer.</summary>
    public PeerId ProducerId => _entry.Id;

    private async Task RunAsync()
    {
        await _previous.ConfigureAwait(false);

        // The first channel is visible at once, unless the producer may turn out to be too far away (spec/streams.md
        // §8.4); those of the slow schedule only when connected (§9.4).
        if (!_stop.IsCancellationRequested && !_checksRtt)
            ShowChannel();
        while (!_stop.IsCancellationRequested)
        {
            await _trigger.WaitAsync(TimeSpan.Zero).ConfigureAwait(false); // what has happened so far is heeded by this attempt
            var (end, code, healthy) = await AttemptAsync().ConfigureAwait(false);
            var connected = _connected;
            _connected = null;
            connected?.Set();
            if (_isLeaving)
            {
                HideChannel(code ?? CloseCode.Cancelled);
                return;
            }

            if (_stop.IsCancellationRequested || end == AttemptEnd.Unsuitable)
                break;
            var next = Decide(() => _schedule.OnEnded(_context.Now, end, code, healthy));
            StreamsLog.ProducerLost(
                _context.Logger, _isRepeatedFailure ? LogLevel.Debug : LogLevel.Information, _consumer.StreamId, ProducerId,
                end, code, next.Delay);
            _isRepeatedFailure = true;
            EndConnection(next.Terminated, code);
            if (next.SyncFirst && !await SyncAsync().ConfigureAwait(false))
            {
                next = Decide(() => _schedule.OnSyncFailed(_context.Now));
                EndConnection(next.Terminated, code);
            }

            await WaitAsync(next).ConfigureAwait(false);
        }

        HideChannel(CloseCode.Cancelled);
    }

    /// <summary>
    /// The schedule asks the backoff, which may be user code: where that throws there is none any more.
    /// </summary>
    private NextAttempt Decide(Func<NextAttempt> decision)
    {
        try
        {
            return decision();
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            StreamsLog.BackoffFailed(_context.Logger, _consumer.StreamId, error);
            return _schedule.OnBackoffFailed();
        }
    }

    private async Task<(AttemptEnd End, CloseCode? Code, bool Healthy)> AttemptAsync()
    {
        Link? link = null;
        long? connectedAt = null;
        var before = _received;
        try
        {
            link = await Deadline.RunAsync(
                _context.TimeProvider, _context.Options.ConnectTimeout, "Connecting", ProducerId,
                token => _context.OpenLinkAsync(_entry.Address, token), _stop.Token).ConfigureAwait(false);
            if (_checksRtt && !IsSuitable(link.Rtt))
            {
                await link.CloseAsync(CloseCode.Cancelled).ConfigureAwait(false);
                _consumer.OnUnsuitable(this);
                return (AttemptEnd.Unsuitable, null, false);
            }

            var handshake = StreamHandshake.Encode(
                _context.NetworkId, _consumer.StreamId, _consumer.Options.Criteria.Encoded.Span);
            await link.SendRawAsync(handshake, _stop.Token).ConfigureAwait(false);
            if (await ReadStartAsync(link).ConfigureAwait(false) is { } wrong)
            {
                await link.CloseAsync(wrong).ConfigureAwait(false);
                return (AttemptEnd.Refused, wrong, false);
            }

            connectedAt = _context.TimeProvider.GetTimestamp();
            var channel = ShowChannel();
            _isRepeatedFailure = false;
            _connected = new Signal(_context.Scheduler, _context.TimeProvider);
            _consumer.SetState(channel, ChannelState.Connected);
            StreamsLog.ProducerConnected(_context.Logger, _consumer.StreamId, ProducerId);
            await ReceiveAsync(link.Receiver, channel).ConfigureAwait(false);
            return (AttemptEnd.Lost, CloseCode.Cancelled, IsHealthy());
        }
        catch (OperationCanceledException)
        {
            return (AttemptEnd.Lost, CloseCode.Cancelled, IsHealthy());
        }
        catch (LinkException error) when (error.Kind == LinkErrorKind.Decode)
        {
            // An undecodable datum: the link has closed with 400 (spec/streams.md §8.6).
            _context.Metrics.Undecodable(_consumer.Labels);
            StreamsLog.Undecodable(_context.Logger, _consumer.StreamId, ProducerId, error.Message);
            return (AttemptEnd.Refused, CloseCode.ProtocolViolation, IsHealthy());
        }
        catch (MosaikException error)
        {
            // Any failing operation may carry the producer's code (spec/streams.md §2.2).
            var code = (error as LinkException)?.RemoteCode ?? link?.Connection.CloseInfo?.RemoteCode;
            return (code is null ? AttemptEnd.Lost : AttemptEnd.ClosedByPeer, code, IsHealthy());
        }
        finally
        {
            if (link is not null)
                await link.DisposeAsync().ConfigureAwait(false);
        }

        bool IsHealthy() => _received > before
            || (connectedAt is { } at && _context.TimeProvider.GetElapsedTime(at) >= HealthyAfter);
    }

    /// <summary>
    /// Judges the producer by the round-trip time of its own connection, before it hears what is wanted of it.
    /// </summary>
    private bool IsSuitable(TimeSpan? rtt)
    {
        var smoothed = _context.Discovery.RttWith(ProducerId, rtt);
        if (rtt is { } sample)
            _context.Discovery.SampleRtt(ProducerId, sample);
        if ((_context.MaxRtt is { } limit && smoothed > limit)
            || !_consumer.Rules.Judge(Volatile.Read(ref _entry), smoothed).IsAllowed)
        {
            StreamsLog.ProducerUnsuitable(_context.Logger, _consumer.StreamId, ProducerId);
            return false;
        }

        _checksRtt = false;
        ShowChannel();
        return true;
    }

    /// <summary>Reads and checks StartStream; returns the code to close with if it is not ours.</summary>
    private async ValueTask<CloseCode?> ReadStartAsync(Link link)
    {
        using var deadline = new Deadline(
            _context.TimeProvider, _context.Options.StartTimeout, "Waiting for StartStream", ProducerId,
            cancellationToken: _stop.Token);
        var payload = await link.ReceiveAsync(deadline).ConfigureAwait(false);
        if (!StreamHandshake.TryDecode(payload.Span, out var start))
            return CloseCode.ProtocolViolation;
        if (start.Network != _context.NetworkId)
            return CloseCode.DifferentNetwork;
        if (start.Stream != _consumer.StreamId)
            return CloseCode.StreamNotFound;

        // A producer that does not evaluate criteria sends everything.
        _filter = payload.Span[StreamHandshake.Size..].StartsWith(CriteriaCodec.Mark) ? null : _consumer.Matcher;
        return null;
    }

    /// <summary>Cuts, decodes and delivers until the link ends; a full queue stops the reading.</summary>
    private async ValueTask ReceiveAsync(LinkReceiver receiver, ChannelInfo channel)
    {
        receiver.MaxPayload = _consumer.MaxDatumBytes;
        while (true)
        {
            var payload = await receiver.ReceiveAsync(_stop.Token).ConfigureAwait(false);
            do
            {
                _received++;
                channel.Count(1, payload.Length);
                _context.Metrics.Arrived(_consumer.Labels, payload.Length);
                if (TryDecode(receiver, payload.Span, out var datum) && _filter?.Matches(datum) != false
                    && !await _consumer.DeliverAsync(
                        new Delivery<T>(datum, payload.Length), receiver.Buffered <= FewBytes, _stop.Token).ConfigureAwait(false))
                    return;
            }
            while (receiver.TryReceive(out payload));
        }
    }

    /// <summary>
    /// False for a datum that is skipped because it cannot be decoded; where that is not wanted the link ends.
    /// </summary>
    private bool TryDecode(LinkReceiver receiver, ReadOnlySpan<byte> payload, [MaybeNullWhen(false)] out T datum)
    {
        var problem = "not a datum of this stream";
        try
        {
            if (_consumer.Codec.TryDecode(payload, out datum))
                return true;
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            // User code that should have said no: bytes of a peer must not end the receiver.
            problem = $"the codec failed with {error.GetType().Name}: {error.Message}";
        }

        if (!_consumer.Options.SkipUndecodable)
            throw receiver.Undecodable(new DecodeError(problem, 0));
        _context.Metrics.Undecodable(_consumer.Labels);
        if (_undecodableLog.TryPass(nameof(TryDecode), out var suppressed))
            StreamsLog.UndecodableSkipped(_context.Logger, _consumer.StreamId, ProducerId, suppressed);
        datum = default;
        return false;
    }

    private async ValueTask<bool> SyncAsync()
    {
        try
        {
            await _context.Discovery.SyncWithAsync(_entry.Address, _stop.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
        catch (MosaikException error)
        {
            StreamsLog.SyncFailed(_context.Logger, ProducerId, error.Message);
            return false;
        }
    }

    private async ValueTask WaitAsync(NextAttempt next)
    {
        try
        {
            if (next.Delay <= TimeSpan.Zero)
                return;
            if (await _trigger.WaitAsync(next.Delay, _stop.Token).ConfigureAwait(false))
                await _trigger.WaitAsync(_schedule.OnTriggered(), _stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Stopped: the loop sees the token.
        }
    }

    private ChannelInfo ShowChannel()
    {
        if (_channel is { } shown)
            return shown;
        var channel = _context.NewChannel(_consumer.StreamId, ProducerId, _context.LocalId, _entry, _consumer.Options.Criteria);
        _channel = channel;
        _consumer.Channels.Add(channel);
        return channel;
    }

    private void EndConnection(bool terminated, CloseCode? code)
    {
        if (terminated)
            HideChannel(code);
        else if (_channel is not null)
            _consumer.SetState(_channel, ChannelState.Connecting);
    }

    private void HideChannel(CloseCode? code)
    {
        if (_channel is not null)
            _consumer.SetState(_channel, ChannelState.Terminated, code);
        _channel = null;
    }
}
