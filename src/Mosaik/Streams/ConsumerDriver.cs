using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Streams;

/// <summary>
/// The worker of one consumer: its candidates, one receiver for each, and the queue they deliver into.
/// </summary>
/// <remarks>
/// <para>This half is what the application and the receivers see: the queue, the channels, the counters, the end. The
/// other half is the loop that decides whom to subscribe to.</para>
/// <para>Source: spec/streams.md §8.</para>
/// </remarks>
internal sealed partial class ConsumerDriver<T> : IConsumerWorker, IAsyncDisposable
{
    private const long NotConnected = long.MinValue;

    private readonly ChannelTally _onlineWhen;
    private readonly ConditionSource _onlineSource;
    private readonly Completion _drained;
    private readonly CancellationTokenSource _stop = new();
    private readonly Action<IConsumerWorker> _forget;
    private readonly Task _loop;
    private volatile bool _online;
    private volatile bool _closed;
    private long _connectedSince = NotConnected;
    private long _datums;
    private long _bytes;

    public ConsumerDriver(
        StreamContext context, StreamId streamId, ConsumerOptions<T> options, Action<IConsumerWorker> forget)
    {
        _forget = forget;
        Context = context;
        StreamId = streamId;
        Options = options;
        Codec = options.Codec ?? DatumCodec.Default<T>();
        Matcher = Prepare(options.Criteria);
        MaxDatumBytes = options.MaxDatumBytes ?? context.Options.MaxDatumBytes;
        Queue = new Mailbox<Delivery<T>>(options.QueueSize, context.Scheduler);
        Channels = new ChannelSet(context.Scheduler);
        Labels = context.Metrics.LabelsOf(streamId);
        Rules = new PeerRules(context, streamId, options.SubscribeIf, options.Tickets);
        _signal = new Signal(context.Scheduler, context.TimeProvider);
        _drained = new Completion(context.Scheduler);
        context.Metrics.ConsumerOpened(Labels);
        var fresh = new ChannelCondition(Channels);
        _onlineWhen = (options.OnlineWhen?.Invoke(fresh) ?? fresh).NewTally();
        _onlineSource = new ConditionSource(met: false, context.Scheduler);
        When = new StreamWhen(Channels, _onlineSource);
        Channels.Observe(_onlineWhen, OnChannelsChanged);
        _loop = context.Scheduler.Start(RunAsync);
    }

    /// <summary>What all streams of the node share.</summary>
    public StreamContext Context { get; }

    /// <summary>The stream.</summary>
    public StreamId StreamId { get; }

    /// <summary>The settings.</summary>
    public ConsumerOptions<T> Options { get; }

    /// <summary>How datums are decoded.</summary>
    public IDatumCodec<T> Codec { get; }

    /// <summary>Evaluates the criteria for producers that do not; null when everything is wanted.</summary>
    public CriteriaMatcher<T>? Matcher { get; }

    /// <summary>A larger datum ends the connection.</summary>
    public int MaxDatumBytes { get; }

    /// <summary>What waits to be read by the application.</summary>
    public Mailbox<Delivery<T>> Queue { get; }

    /// <summary>The channels to all producers.</summary>
    public ChannelSet Channels { get; }

    /// <summary>The conditions to wait for.</summary>
    public StreamWhen When { get; }

    /// <summary>Metric labels, built once.</summary>
    public TagList Labels { get; }

    /// <summary>What is asked of producers.</summary>
    public PeerRules Rules { get; }

    /// <summary>Whether the online condition holds.</summary>
    public bool IsOnline => _online;

    /// <summary>Datums the application has taken.</summary>
    public long Datums => Volatile.Read(ref _datums);

    /// <summary>Their payload bytes.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Since when at least one producer has been connected without a break; null while none is.</summary>
    public TimeSpan? Uptime
    {
        get
        {
            var since = Volatile.Read(ref _connectedSince);
            return since == NotConnected ? null : Context.TimeProvider.GetElapsedTime(since);
        }
    }

    /// <summary>The backoff of a new receiver.</summary>
    public IBackoff NewBackoff()
    {
        try
        {
            return (Options.Backoff ?? Context.Options.Backoff)?.Invoke() ?? new ExponentialBackoff();
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            // User code: its failure must not leave the producer without a receiver.
            StreamsLog.BackoffFailed(Context.Logger, StreamId, error);
            return new ExponentialBackoff();
        }
    }

    /// <summary>The application takes a datum, if one waits.</summary>
    public bool TryTake([MaybeNullWhen(false)] out T datum)
    {
        if (!Queue.TryRead(out var delivery))
        {
            datum = default;
            return false;
        }

        Volatile.Write(ref _datums, _datums + 1);
        Volatile.Write(ref _bytes, _bytes + delivery.Bytes);
        Context.Metrics.Received(Labels, delivery.Bytes);
        datum = delivery.Datum;
        if (_closed)
            NoteDrained();
        return true;
    }

    /// <summary>
    /// A receiver delivers a datum; while the queue is full it waits, or the oldest makes room. False when the consumer
    /// has ended.
    /// </summary>
    /// <param name="delivery">The datum.</param>
    /// <param name="isLast">Whether the receiver has little more to deliver and is about to wait.</param>
    /// <param name="cancellationToken">Ends the wait for room.</param>
    public ValueTask<bool> DeliverAsync(Delivery<T> delivery, bool isLast, CancellationToken cancellationToken)
    {
        if (isLast ? Queue.TryPostLast(delivery) : Queue.TryPost(delivery))
            return new ValueTask<bool>(true);
        if (Options.QueueFullMode == QueueFullMode.Wait)
            return Queue.PostAsync(delivery, cancellationToken);
        do
        {
            if (Queue.TryRead(out _))
                Context.Metrics.Discarded(Labels);
            else if (Queue.IsCompleted)
                return new ValueTask<bool>(false);
        }
        while (!Queue.TryPost(delivery));
        return new ValueTask<bool>(true);
    }

    /// <summary>Moves a channel to another state, and the gauge of connected producers with it.</summary>
    public void SetState(ChannelInfo channel, ChannelState state, CloseCode? reason = null)
    {
        if (Channels.SetState(channel, state, reason) is not { } before)
            return;
        if (state == ChannelState.Connected)
            Context.Metrics.ProducersConnected(StreamId, Labels, 1);
        else if (before == ChannelState.Connected)
            Context.Metrics.ProducersConnected(StreamId, Labels, -1);
    }

    /// <summary>What reads at the end fail with.</summary>
    public ChannelClosedException ClosedException() => StreamClosedException.Of(StreamId, Context.IsStopping);

    /// <summary>Completes when the consumer has ended and its queue is empty.</summary>
    public ValueTask WhenDrainedAsync() => _drained.WaitAsync();

    /// <inheritdoc/>
    public void BeginStop()
    {
        try
        {
            _stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The application has disposed the consumer in the same moment.
        }
    }

    /// <inheritdoc/>
    public async ValueTask StoppedAsync() => await _loop.ConfigureAwait(false);

    /// <summary>The application is done: stops, and discards what was not read.</summary>
    public async ValueTask DisposeAsync()
    {
        BeginStop();
        await StoppedAsync().ConfigureAwait(false);
        while (Queue.TryRead(out _))
        {
            // Discarded: nobody reads any more.
        }

        NoteDrained();
        _forget(this);
        _stop.Dispose();
    }

    private static CriteriaMatcher<T>? Prepare(Criteria criteria)
    {
        if (criteria.MatchesAll)
            return null;
        return CriteriaMatcher<T>.TryPrepare(criteria, out var matcher, out var problem) == CriteriaOutcome.Prepared
            ? matcher
            : throw new MosaikConfigurationException(nameof(ConsumerOptions<>.Criteria), problem);
    }

    private void NoteDrained()
    {
        if (Queue.IsCompleted)
            _drained.TrySetResult();
    }

    private void OnChannelsChanged()
    {
        _online = !_closed && Context.IsMet(_onlineWhen, StreamId);
        _onlineSource.Set(_online);
        var connected = Channels.ConnectedCount > 0;
        if (connected != (_connectedSince != NotConnected))
            Volatile.Write(ref _connectedSince, connected ? Context.TimeProvider.GetTimestamp() : NotConnected);
    }

    /// <summary>All receivers have stopped.</summary>
    private void Close()
    {
        _closed = true;
        Channels.Close(CloseCode.Cancelled, ClosedException);
        _online = false; // also where the condition holds without channels
        _onlineSource.Set(false);
        _onlineSource.Fail(ClosedException);
        Queue.Complete();
        NoteDrained();
        Context.Metrics.ConsumerClosed(Labels);
    }
}
