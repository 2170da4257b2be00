using System.Runtime.CompilerServices;
using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Streams;

/// <summary>
/// One subscription, seen from either side. A new subscription of the same peer is a new object.
/// </summary>
/// <remarks>Thread-safe; all members are snapshots. Source: spec/streams.md §7.</remarks>
public sealed class ChannelInfo
{
    private readonly Lock _lock = new();
    private readonly Completion _terminated;
    private readonly TimeProvider _time;
    private readonly TaskScheduler _scheduler;
    private Completion? _changed;
    private volatile int _state;
    private long _connectedAt;
    private long _datums;
    private long _bytes;
    private long _dropped;
    private CloseCode? _closeReason;

    internal ChannelInfo(
        long generation, StreamId streamId, PeerId producer, PeerId consumer, PeerEntry peer,
        TimeProvider time, TaskScheduler scheduler, Criteria? criteria = null)
    {
        Criteria = criteria ?? Criteria.Default;
        _scheduler = scheduler;
        Generation = generation;
        StreamId = streamId;
        ProducerId = producer;
        ConsumerId = consumer;
        Peer = peer;
        _time = time;
        _terminated = new Completion(scheduler);
    }

    /// <summary>The stream.</summary>
    public StreamId StreamId { get; }

    /// <summary>The node that produces.</summary>
    public PeerId ProducerId { get; }

    /// <summary>The node that consumes.</summary>
    public PeerId ConsumerId { get; }

    /// <summary>What the consumer asked for.</summary>
    public Criteria Criteria { get; }

    /// <summary>
    /// The remote node's entry as it was when the subscription was made; the catalog has the current one.
    /// </summary>
    public PeerEntry Peer { get; }

    /// <summary>Where the channel stands now.</summary>
    public ChannelState State => (ChannelState)_state;

    /// <summary>Whether datums flow now.</summary>
    public bool IsConnected => State == ChannelState.Connected;

    /// <summary>The application code that ended the channel; null while it lives, or if none was given.</summary>
    public CloseCode? CloseReason => State == ChannelState.Terminated ? _closeReason : null;

    /// <summary>Datums handed to the transport (producer side) or received (consumer side).</summary>
    public long Datums => Volatile.Read(ref _datums);

    /// <summary>Their payload bytes, without the 4-byte length of each.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>
    /// Datums this consumer missed because it lagged, or because the connection was closed for that (producer side).
    /// </summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>How long the channel has been connected; null while it is not.</summary>
    public TimeSpan? Uptime =>
        IsConnected ? _time.GetElapsedTime(Volatile.Read(ref _connectedAt)) : null;

    /// <summary>The counters and the uptime, to show.</summary>
    public StreamStats Stats => new(Datums, Bytes, Uptime);

    /// <summary>Completes when the channel has ended. It never fails.</summary>
    public Task Disconnected => _terminated.WaitAsync().AsTask();

    /// <summary>Tells apart two subscriptions of the same pair.</summary>
    internal long Generation { get; }

    /// <summary>
    /// The state, then the latest one after each change; those in between may be skipped. Ends after
    /// <see cref="ChannelState.Terminated"/>.
    /// </summary>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    public async IAsyncEnumerable<ChannelState> WatchStateAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (true)
        {
            Completion changed;
            ChannelState state;
            lock (_lock)
            {
                changed = _changed ??= new Completion(_scheduler);
                state = State;
            }

            yield return state;
            if (state == ChannelState.Terminated)
                yield break;
            await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public override string ToString() => $"{StreamId:S}: {ProducerId:S} → {ConsumerId:S} ({State})";

    /// <summary>Counts a batch; called by the one task that owns the connection.</summary>
    internal void Count(long datums, long bytes)
    {
        Volatile.Write(ref _datums, _datums + datums);
        Volatile.Write(ref _bytes, _bytes + bytes);
    }

    /// <summary>How many datums this consumer has missed so far.</summary>
    internal void SetDropped(long datums) => Volatile.Write(ref _dropped, datums);

    /// <summary>
    /// Moves to another state; only <see cref="ChannelSet"/> calls it, so that conditions see every change.
    /// </summary>
    internal void SetState(ChannelState state, CloseCode? reason)
    {
        if (state == ChannelState.Connected)
            Volatile.Write(ref _connectedAt, _time.GetTimestamp());
        if (state == ChannelState.Terminated)
            _closeReason = reason;
        Completion? changed;
        lock (_lock)
        {
            _state = (int)state;
            (changed, _changed) = (_changed, null);
        }

        changed?.TrySetResult();
        if (state == ChannelState.Terminated)
            _terminated.TrySetResult();
    }
}
