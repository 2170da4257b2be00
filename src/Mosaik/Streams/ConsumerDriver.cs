using System.Collections.Immutable;
using System.Diagnostics;
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
internal sealed class ConsumerDriver<T> : IConsumerWorker
{
    private readonly ConsumerOptions<T> _options;
    private readonly ChannelCondition _onlineWhen;
    private readonly Dictionary<PeerId, Receiver<T>> _receivers = [];
    private readonly CancellationTokenSource _stop;
    private readonly Action<IConsumerWorker> _forget;
    private readonly Task _loop;
    private int _stopping;
    private volatile bool _online;

    public ConsumerDriver(
        StreamContext context, StreamId streamId, ConsumerOptions<T> options, Action<IConsumerWorker> forget)
    {
        _forget = forget;
        Context = context;
        StreamId = streamId;
        _options = options;
        Codec = options.Codec ?? new PostcardDatumCodec<T>();
        MaxDatumBytes = options.MaxDatumBytes ?? context.Options.MaxDatumBytes;
        Queue = new Mailbox<T>(options.QueueSize, context.Scheduler);
        Channels = new ChannelSet(context.Scheduler);
        Labels = context.Metrics.LabelsOf(streamId);
        context.Metrics.ConsumerOpened(Labels);
        var fresh = new ChannelCondition(Channels);
        _onlineWhen = options.OnlineWhen?.Invoke(fresh) ?? fresh;
        Channels.Observe(OnChannelsChanged);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(context.Stopping);
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
    public Mailbox<T> Queue { get; }

    /// <summary>The channels to all producers.</summary>
    public ChannelSet Channels { get; }

    /// <summary>Metric labels, built once.</summary>
    public TagList Labels { get; }

    /// <summary>Whether the online condition holds.</summary>
    public bool IsOnline => _online;

    /// <summary>The condition that makes the consumer online, with a fresh memory.</summary>
    public ChannelCondition OnlineCondition() => _onlineWhen.Clone();

    /// <summary>The backoff of a new receiver.</summary>
    public IBackoff NewBackoff() =>
        (_options.Backoff ?? Context.Options.Backoff)?.Invoke() ?? new ExponentialBackoff();

    /// <inheritdoc/>
    public void BeginStop()
    {
        if (Interlocked.Exchange(ref _stopping, 1) == 0)
            _stop.Cancel();
    }

    /// <inheritdoc/>
    public async ValueTask StoppedAsync() => await _loop.ConfigureAwait(false);

    /// <summary>The application is done: stops, and discards what was not read.</summary>
    public async ValueTask CloseAsync()
    {
        BeginStop();
        await StoppedAsync().ConfigureAwait(false);
        while (Queue.TryRead(out _))
        {
            // Discarded: nobody reads any more.
        }

        _forget(this);
    }

    private async Task RunAsync()
    {
        using var producers = Context.Discovery.FollowStream(StreamId);
        try
        {
            while (await producers.WaitAsync(_stop.Token).ConfigureAwait(false))
                while (producers.TryTake(out var delta))
                    await ApplyAsync(delta!).ConfigureAwait(false); // there is one when TryTake returns true
        }
        catch (OperationCanceledException)
        {
            // Disposed, or the network stops.
        }

        foreach (var receiver in _receivers.Values)
            receiver.BeginStop();
        foreach (var receiver in _receivers.Values)
            await receiver.DisposeAsync().ConfigureAwait(false);
        Channels.Close(CloseCode.Cancelled);
        Queue.Complete();
        Context.Metrics.ConsumerClosed(Labels);
    }

    private async ValueTask ApplyAsync(StreamPeerDelta delta)
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
        if (_receivers.TryGetValue(delta.PeerId, out var receiver))
        {
            if (eligible && !delta.Restarted)
            {
                receiver.Update(peer!.Entry, delta.ContentChanged); // eligible means that there is a peer
                return;
            }

            // Gone, no longer wanted, or a new process under the old id: its old connection is dead anyway.
            _receivers.Remove(delta.PeerId);
            await receiver.DisposeAsync().ConfigureAwait(false);
        }

        if (eligible)
            _receivers[delta.PeerId] = new Receiver<T>(this, peer!.Entry); // as above
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

    private void OnChannelsChanged(ImmutableArray<ChannelInfo> channels) => _online = _onlineWhen.Evaluate(channels);
}
