using System.Collections.Immutable;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Streams;

/// <summary>
/// The worker of one consumer: its candidates, one receiver for each, and the queue they deliver into.
/// </summary>
/// <remarks>
/// Candidates are the peers that list the stream; discovery reports them as changes of its index, the catalog is never
/// scanned. A candidate that appears or becomes eligible gets a receiver, one that goes or becomes ineligible loses
/// it. Source: spec/streams.md §8.
/// </remarks>
internal sealed class ConsumerDriver<T> : IConsumerWorker, IAsyncDisposable
{
    private const long NotConnected = long.MinValue;

    private readonly ConsumerOptions<T> _options;
    private readonly ChannelCondition _onlineWhen;
    private readonly Dictionary<PeerId, Receiver<T>> _receivers = [];
    private readonly List<Task> _leaving = [];
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
        _options = options;
        Codec = options.Codec ?? new PostcardDatumCodec<T>();
        MaxDatumBytes = options.MaxDatumBytes ?? context.Options.MaxDatumBytes;
        Queue = new Mailbox<Delivery<T>>(options.QueueSize, context.Scheduler);
        Channels = new ChannelSet(context.Scheduler);
        Labels = context.Metrics.LabelsOf(streamId);
        context.Metrics.ConsumerOpened(Labels);
        var fresh = new ChannelCondition(Channels);
        _onlineWhen = options.OnlineWhen?.Invoke(fresh) ?? fresh;
        Channels.Observe(OnChannelsChanged);
        _loop = context.Scheduler.Start(RunAsync);
    }

    /// <summary>What all streams of the node share.</summary>
    public StreamContext Context { get; }

    /// <summary>The stream.</summary>
    public StreamId StreamId { get; }

    /// <summary>How datums are decoded.</summary>
    public IDatumCodec<T> Codec { get; }

    /// <summary>A larger datum ends the connection.</summary>
    public int MaxDatumBytes { get; }

    /// <summary>What waits to be read by the application.</summary>
    public Mailbox<Delivery<T>> Queue { get; }

    /// <summary>The channels to all producers.</summary>
    public ChannelSet Channels { get; }

    /// <summary>Metric labels, built once.</summary>
    public TagList Labels { get; }

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

    /// <summary>The condition that makes the consumer online, with a fresh memory.</summary>
    public ChannelCondition OnlineCondition() => _onlineWhen.Clone();

    /// <summary>The backoff of a new receiver.</summary>
    public IBackoff NewBackoff()
    {
        try
        {
            return (_options.Backoff ?? Context.Options.Backoff)?.Invoke() ?? new ExponentialBackoff();
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
        return true;
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

        _forget(this);
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        using var stopping = Context.Stopping.UnsafeRegister(
            static self => ((ConsumerDriver<T>)self!).BeginStop(), this);
        using (var producers = Context.Discovery.FollowStream(StreamId))
        {
            try
            {
                while (await producers.WaitAsync(_stop.Token).ConfigureAwait(false))
                    while (producers.TryTake(out var delta))
                        Apply(delta!); // there is one when TryTake returns true
            }
            catch (OperationCanceledException)
            {
                // Disposed, or the network stops.
            }
        }

        foreach (var receiver in _receivers.Values)
            _ = Leave(receiver); // awaited with all others below
        await Task.WhenAll(_leaving).ConfigureAwait(false);
        _closed = true;
        Channels.Close(CloseCode.Cancelled);
        _online = false; // also where the condition holds without channels
        Queue.Complete();
        Context.Metrics.ConsumerClosed(Labels);
    }

    private void Apply(StreamPeerDelta delta)
    {
        if (delta.Kind == StreamPeerDeltaKind.OwnEntryChanged)
        {
            // What producers answer may depend on our tags and tickets: those that refused are asked again.
            foreach (var waiting in _receivers.Values)
                waiting.Trigger();
            return;
        }

        var peer = delta.Kind == StreamPeerDeltaKind.Removed ? null : Context.Discovery.Catalog.Get(delta.PeerId);
        var eligible = peer is not null && IsEligible(peer);
        var previous = Task.CompletedTask;
        if (_receivers.TryGetValue(delta.PeerId, out var receiver))
        {
            if (eligible && !delta.Restarted)
            {
                receiver.Update(peer!.Entry, delta.ContentChanged); // eligible means that there is a peer
                return;
            }

            // Gone, no longer wanted, or a new process under the old id: its old connection is dead anyway.
            _receivers.Remove(delta.PeerId);
            previous = Leave(receiver);
        }

        if (eligible)
            _receivers[delta.PeerId] = new Receiver<T>(this, peer!.Entry, previous); // as above
    }

    /// <summary>Stops a receiver without waiting: a slow end must not delay the deltas of other producers.</summary>
    private Task Leave(Receiver<T> receiver)
    {
        var end = receiver.DisposeAsync().AsTask();
        _leaving.RemoveAll(static task => task.IsCompletedSuccessfully);
        _leaving.Add(end);
        return end;
    }

    private bool IsEligible(PeerInfo peer)
    {
        if (_options.SubscribeIf is not { } subscribe)
            return true;
        try
        {
            return subscribe(peer);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            // User code: a predicate that throws says no (spec/streams.md §3.1).
            StreamsLog.PredicateFailed(Context.Logger, StreamId, peer.Id, error);
            return false;
        }
    }

    private void OnChannelsChanged(ImmutableArray<ChannelInfo> channels)
    {
        _online = !_closed && Context.IsMet(_onlineWhen, channels, StreamId);
        var connected = channels.Any(static channel => channel.IsConnected);
        if (connected != (_connectedSince != NotConnected))
            Volatile.Write(ref _connectedSince, connected ? Context.TimeProvider.GetTimestamp() : NotConnected);
    }
}
