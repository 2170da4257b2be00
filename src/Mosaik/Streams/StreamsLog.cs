using Microsoft.Extensions.Logging;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Streams;

/// <summary>Log messages of streams; event ids 3xxx.</summary>
internal static partial class StreamsLog
{
    [LoggerMessage(3001, LogLevel.Information, "Stream {Stream:S}: consumer {Peer:S} connected.")]
    public static partial void ConsumerConnected(ILogger logger, StreamId stream, PeerId peer);

    [LoggerMessage(3002, LogLevel.Information, "Stream {Stream:S}: consumer {Peer:S} left: {Reason}.")]
    public static partial void ConsumerLeft(ILogger logger, StreamId stream, PeerId peer, CloseCode reason);

    [LoggerMessage(3003, LogLevel.Warning, "Stream {Stream:S}: consumer {Peer:S} was too slow and was disconnected; it missed {Datums} datums.")]
    public static partial void ConsumerLagging(ILogger logger, StreamId stream, PeerId peer, long datums);

    [LoggerMessage(3004, LogLevel.Warning, "Stream {Stream:S}: {Peer:S} was refused: {Reason} ({Suppressed} similar messages suppressed).")]
    public static partial void ConsumerRefused(
        ILogger logger, StreamId stream, PeerId peer, CloseCode reason, int suppressed);

    [LoggerMessage(3005, LogLevel.Warning, "Stream {Stream:S}: the predicate failed for {Peer:S}, which counts as no.")]
    public static partial void PredicateFailed(ILogger logger, StreamId stream, PeerId peer, Exception error);

    [LoggerMessage(3006, LogLevel.Warning, "Stream {Stream:S}: a predicate of the online condition failed; the condition counts as not met.")]
    public static partial void ConditionFailed(ILogger logger, StreamId stream, Exception error);

    [LoggerMessage(3007, LogLevel.Warning, "Stream {Stream:S}: the sink of undelivered datums took none; {Suppressed} others went the same way since the last message.")]
    public static partial void UndeliveredDiscarded(ILogger logger, StreamId stream, int suppressed);

    [LoggerMessage(3008, LogLevel.Warning, "Stream {Stream:S}: the sink of undelivered datums failed.")]
    public static partial void UndeliveredFailed(ILogger logger, StreamId stream, Exception error);

    [LoggerMessage(3011, LogLevel.Information, "Stream {Stream:S}: subscribed to producer {Peer:S}.")]
    public static partial void ProducerConnected(ILogger logger, StreamId stream, PeerId peer);

    [LoggerMessage(EventId = 3012, Message = "Stream {Stream:S}: subscription to {Peer:S} ended ({End}, code {Code}); next attempt in {Delay}.")]
    public static partial void ProducerLost(
        ILogger logger, LogLevel level, StreamId stream, PeerId peer, AttemptEnd end, CloseCode? code, TimeSpan delay);

    [LoggerMessage(3013, LogLevel.Warning, "Stream {Stream:S}: producer {Peer:S} sent what is not a datum of this stream: {Problem}")]
    public static partial void Undecodable(ILogger logger, StreamId stream, PeerId peer, string problem);

    [LoggerMessage(3014, LogLevel.Debug, "Producer {Peer:S} does not know this node, and the sync with it failed: {Problem}")]
    public static partial void SyncFailed(ILogger logger, PeerId peer, string problem);

    [LoggerMessage(3015, LogLevel.Warning, "Stream {Stream:S}: the backoff of the consumer failed; the slow schedule is used.")]
    public static partial void BackoffFailed(ILogger logger, StreamId stream, Exception error);

    [LoggerMessage(3016, LogLevel.Warning, "Stream {Stream:S}: a datum of producer {Peer:S} could not be decoded and was skipped ({Suppressed} others since the last message).")]
    public static partial void UndecodableSkipped(ILogger logger, StreamId stream, PeerId peer, int suppressed);

    [LoggerMessage(3017, LogLevel.Debug, "Stream {Stream:S}: producer {Peer:S} does not fulfil the rules now that its round-trip time is known.")]
    public static partial void ProducerUnsuitable(ILogger logger, StreamId stream, PeerId peer);

    [LoggerMessage(3021, LogLevel.Debug, "A subscription of {Peer:S} was refused before a stream was found: {Reason}.")]
    public static partial void SubscriptionRefused(ILogger logger, PeerId peer, CloseCode reason);

    [LoggerMessage(3022, LogLevel.Debug, "A subscription of {Peer:S} ended before it began: {Problem}")]
    public static partial void HandshakeFailed(ILogger logger, PeerId peer, string problem);
}
