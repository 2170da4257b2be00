using System.Runtime.CompilerServices;
using Mosaik.Discovery.Gossip.Protocol;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Waiting;

namespace Mosaik.Discovery.Gossip;

// The streams of the peer: one task each, so that none holds up another (Q9).
internal sealed partial class GossipConnection
{
    /// <summary>Streams whose header is awaited at once; further ones are not accepted meanwhile (spec/gossip.md §14).</summary>
    internal const int MaxWithoutHeader = 16;

    /// <summary>How long a stream may be without header.</summary>
    internal static readonly TimeSpan HeaderDeadline = TimeSpan.FromSeconds(5);

    // Most messages are short, and a node has many of these streams.
    private const int SmallestBuffer = 512;
    private const int LargestBuffer = 8 * 1024;

    private readonly Signal _headerSlot;
    private int _withoutHeader;
    private int _openInbound;

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                while (Volatile.Read(ref _withoutHeader) >= MaxWithoutHeader)
                    await _headerSlot.WaitAsync().ConfigureAwait(false);
                ITransportStream stream = await Transport
                    .AcceptStreamAsync(TransportStreamDirection.Unidirectional).ConfigureAwait(false);
                Interlocked.Increment(ref _withoutHeader);
                Interlocked.Increment(ref _openInbound);
                _tasks.Start(() => ReceiveAsync(stream));
            }
        }
        catch (TransportException)
        {
            // The connection has ended, which RunAsync tells.
        }
    }

    private async Task ReceiveAsync(ITransportStream stream)
    {
        using var buffer = new FrameBuffer(null, SmallestBuffer, LargestBuffer);
        try
        {
            if (await ReceiveHeaderAsync(stream, buffer).ConfigureAwait(false) is not { } topic)
                return;
            while (await ReadFrameAsync(stream, buffer, default).ConfigureAwait(false) is { } payload)
            {
                if (!GossipCodec.TryDecode(payload.Span, out GossipMessage? message))
                {
                    _context.Metrics.OnDropped("undecodable");
                    Violate("a message cannot be decoded");
                    return;
                }

                _context.Metrics.OnReceived(message.Kind);
                if (!await _inbox.PostAsync(new Inbound(this, topic, message)).ConfigureAwait(false))
                    return;
            }
        }
        catch (TransportException e)
        {
            GossipLog.StreamEnded(_context.Logger, Peer, e.Message);
        }
        finally
        {
            Interlocked.Decrement(ref _openInbound);
        }
    }

    /// <summary>The topic of a stream; null if it ends, takes too long, or breaks the protocol.</summary>
    private async ValueTask<TopicId?> ReceiveHeaderAsync(ITransportStream stream, FrameBuffer buffer)
    {
        using var deadline = new Deadline(_context.TimeProvider, HeaderDeadline, "The header of a gossip stream", Peer);
        try
        {
            if (await ReadFrameAsync(stream, buffer, deadline.Token).ConfigureAwait(false) is not { } payload)
                return null;
            if (GossipCodec.TryDecodeHeader(payload.Span, out TopicId topic))
                return topic;
            _context.Metrics.OnDropped("undecodable");
            Violate("a stream begins without a topic");
            return null;
        }
        catch (OperationCanceledException) when (deadline.IsExpired)
        {
            GossipLog.StreamEnded(_context.Logger, Peer, "no header in time");
            stream.StopSending(CloseCode.None);
            return null;
        }
        finally
        {
            Interlocked.Decrement(ref _withoutHeader);
            _headerSlot.Set();
        }
    }

    /// <summary>The next payload, valid until the next call; null at the end of the stream or after a violation.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))] // awaited once, at every message
    private async ValueTask<ReadOnlyMemory<byte>?> ReadFrameAsync(
        ITransportStream stream, FrameBuffer buffer, CancellationToken cancellationToken)
    {
        while (true)
        {
            switch (buffer.TryRead(_context.Options.MaxMessageSize, out ReadOnlyMemory<byte> payload))
            {
                case FrameStatus.Complete:
                    return payload;
                case FrameStatus.TooLarge:
                    _context.Metrics.OnDropped("undecodable");
                    Violate("a message is too long");
                    return null;
            }

            int read = await stream.ReadAsync(buffer.GetMemory(), cancellationToken).ConfigureAwait(false);
            buffer.Advance(read);
            if (read > 0)
                continue;
            if (buffer.Buffered >= FrameBuffer.HeaderLength)
            {
                _context.Metrics.OnDropped("undecodable");
                Violate("a stream ends inside a message");
            }

            return null;
        }
    }
}
