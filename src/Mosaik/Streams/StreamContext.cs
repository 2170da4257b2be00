using Microsoft.Extensions.Logging;
using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Streams;

/// <summary>
/// What all streams of a node share: identity, clock, scheduler, discovery, and the way to open a link.
/// </summary>
internal sealed class StreamContext
{
    private long _generation;
    private volatile bool _isStopping;

    public required NetworkId NetworkId { get; init; }

    public required PeerId LocalId { get; init; }

    public required StreamsOptions Options { get; init; }

    public required NetworkDiscovery Discovery { get; init; }

    /// <summary>Opens a link of the streams protocol to a producer.</summary>
    public required Func<EndpointAddress, CancellationToken, ValueTask<Link>> OpenLinkAsync { get; init; }

    public required TimeProvider TimeProvider { get; init; }

    public required TaskScheduler Scheduler { get; init; }

    public required RandomSource Random { get; init; }

    public required ILogger Logger { get; init; }

    public required StreamMetrics Metrics { get; init; }

    /// <summary>Where the producers' encoded datums come from.</summary>
    public DatumFramePool Frames { get; } = new();

    /// <summary>Keeps messages that a peer can cause at will from flooding the log.</summary>
    public required LogLimiter LogLimiter { get; init; }

    /// <summary>Peers that are farther away are refused; null = nobody is.</summary>
    public required TimeSpan? MaxRtt { get; init; }

    /// <summary>Cancelled when the node stops.</summary>
    public required CancellationToken Stopping { get; init; }

    /// <summary>Whether the network is leaving, which is why its streams are closed.</summary>
    public bool IsStopping
    {
        get => _isStopping;
        set => _isStopping = value;
    }

    /// <summary>Monotonic time for the pure cores.</summary>
    public TimeSpan Now => TimeProvider.GetElapsedTime(0);

    /// <summary>How long to wait for a moment of <see cref="Now"/>; infinite for none.</summary>
    public TimeSpan TimeUntil(TimeSpan? moment)
    {
        if (moment is not { } at)
            return Timeout.InfiniteTimeSpan;
        var now = Now;
        return at <= now ? TimeSpan.Zero : at - now;
    }

    /// <summary>When a ticket ends, as a moment of <see cref="Now"/>; null for never.</summary>
    public TimeSpan? MonotonicOf(Expiration expiration) => Now + expiration.Remaining(TimeProvider.GetUtcNow());

    /// <summary>A channel with a number that no other channel of the node has.</summary>
    public ChannelInfo NewChannel(StreamId stream, PeerId producer, PeerId consumer, PeerEntry peer, Criteria criteria) =>
        new(Interlocked.Increment(ref _generation), stream, producer, consumer, peer, TimeProvider, Scheduler, criteria);

    /// <summary>
    /// An online condition as it is now. Its predicates are user code: where one throws the condition is not met, so
    /// that a failure of theirs never takes down the loop that changed the channels.
    /// </summary>
    public bool IsMet(ChannelTally condition, StreamId stream)
    {
        if (condition.Error is { } error && LogLimiter.TryPass(nameof(IsMet), out _))
            StreamsLog.ConditionFailed(Logger, stream, error);
        return condition.IsMet;
    }
}
