using Mosaik.Discovery.Gossip.Protocol;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Discovery.Gossip;

/// <summary>
/// One gossip connection: sends on streams of its own, one per topic, and reads those of the peer (spec/gossip.md §2).
/// </summary>
/// <remarks>Its fields below the line belong to the driver's loop; the tasks here touch none of them.</remarks>
internal sealed partial class GossipConnection
{
    /// <summary>Finished streams whose acknowledgement is still waited for at the end.</summary>
    private const int MaxFinished = 8;

    private readonly GossipContext _context;
    private readonly GossipInbox _inbox;
    private readonly LogLimiter _limiter;
    private readonly TaskSet _tasks;
    private readonly Dictionary<TopicId, ITransportStream> _streams = [];
    private readonly Queue<ITransportStream> _finished = new();

    public GossipConnection(ITransportConnection transport, GossipContext context, GossipInbox inbox, LogLimiter limiter)
    {
        Transport = transport;
        _context = context;
        _inbox = inbox;
        _limiter = limiter;
        _tasks = new TaskSet(context.Scheduler);
        _headerSlot = new Signal(context.Scheduler);
        Queue = new GossipSendQueue(context.Options.SendQueueCapacity, context.Scheduler);
    }

    /// <summary>What a connection is used for.</summary>
    public enum Use
    {
        /// <summary>Messages are sent over it.</summary>
        Sending,

        /// <summary>A newer one took its place; it is still read.</summary>
        Superseded,

        /// <summary>Nobody needs it any more, for the time being.</summary>
        Lingering,
    }

    public ITransportConnection Transport { get; }

    public GossipSendQueue Queue { get; }

    public PeerId Peer => Transport.RemoteId;

    /// <summary>Streams of the peer that have not ended.</summary>
    public int OpenInbound => Volatile.Read(ref _openInbound);

    public Use CurrentUse { get; set; }

    /// <summary>When something happened last: a frame, a message sent, or a change of use.</summary>
    public TimeSpan LastActivity { get; set; }

    /// <summary>When the driver looks at it next; earlier plans are void.</summary>
    public TimeSpan? WatchAt { get; set; }

    /// <summary>Whether the driver waits for its queue to move.</summary>
    public bool IsQueueWatched { get; set; }

    /// <summary>Payloads with a wrong id so far.</summary>
    public int BadIds { get; set; }

    /// <summary>Sends and receives until the connection ends; then says so behind its last message.</summary>
    public async Task RunAsync()
    {
        _tasks.Start(SendAsync);
        _tasks.Start(AcceptAsync);
        await Transport.WaitClosedAsync().ConfigureAwait(false);
        Queue.Complete();
        await _tasks.WhenEmptyAsync().ConfigureAwait(false);
        await _inbox.PostAsync(new Inbound(this, default, null)).ConfigureAwait(false);
    }

    /// <summary>The peer breaks the protocol: the connection ends, with one line in the log.</summary>
    public void Violate(string problem)
    {
        if (Transport.CloseInfo is not null)
            return;
        if (_limiter.TryPass("gossip violation", out int suppressed))
            GossipLog.Violation(_context.Logger, Peer, problem, suppressed);
        Transport.Abort(CloseCode.ProtocolViolation, CloseCode.ProtocolViolation.Name);
    }

    private async Task SendAsync()
    {
        try
        {
            while (await Queue.TakeAsync().ConfigureAwait(false) is { } item)
            {
                if (item.Message is { } message)
                    await SendAsync(message).ConfigureAwait(false);
                else
                    await FinishAsync(item).ConfigureAwait(false);
            }
        }
        catch (TransportException e)
        {
            GossipLog.StreamEnded(_context.Logger, Peer, e.Message); // the connection has ended, which RunAsync tells
        }
    }

    /// <summary>Sends a message. A stream that the peer has stopped is given up: the next message opens another one.</summary>
    private async ValueTask SendAsync(Outgoing message)
    {
        bool isLast = message.Kind == GossipMessageKind.Disconnect;
        try
        {
            if (_streams.TryGetValue(message.Topic, out ITransportStream? stream))
            {
                await stream.WriteAsync(message.Frame, isLast).ConfigureAwait(false);
            }
            else
            {
                stream = await Transport.OpenStreamAsync(TransportStreamDirection.Unidirectional).ConfigureAwait(false);
                _streams.Add(message.Topic, stream);
                // In one write: a peer may wait for the header before it looks at its other streams.
                byte[] both = [.. GossipCodec.EncodeHeader(message.Topic), .. message.Frame];
                await stream.WriteAsync(both, isLast).ConfigureAwait(false);
            }

            if (isLast)
                Retire(message.Topic, stream);
        }
        catch (TransportException e) when (Transport.CloseInfo is null)
        {
            GossipLog.StreamEnded(_context.Logger, Peer, e.Message);
            _streams.Remove(message.Topic);
        }
    }

    private async ValueTask FinishAsync(GossipSendQueue.Item mark)
    {
        try
        {
            foreach ((TopicId topic, ITransportStream stream) in _streams.ToArray())
            {
                stream.CompleteWrites();
                Retire(topic, stream);
            }

            if (mark.Acknowledged is null)
                return;
            while (_finished.TryDequeue(out ITransportStream? stream))
                await stream.WaitAllAcknowledgedAsync().ConfigureAwait(false);
        }
        catch (TransportException e) when (Transport.CloseInfo is null)
        {
            GossipLog.StreamEnded(_context.Logger, Peer, e.Message);
        }
        finally
        {
            mark.Acknowledged?.TrySetResult();
        }
    }

    private void Retire(TopicId topic, ITransportStream stream)
    {
        _streams.Remove(topic);
        if (_finished.Count == MaxFinished)
            _finished.Dequeue();
        _finished.Enqueue(stream);
    }
}
