using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Streams;

/// <summary>
/// The producer node's side of an inbound subscription, up to the sink (spec/streams.md §3.1, steps 1–5).
/// </summary>
/// <remarks>
/// Each inbound connection is served by a task of its own with its own deadline. Before a byte is read the caller must
/// be in the catalog (else 401: it synchronises and comes again) and near enough (else 10403).
/// </remarks>
internal sealed class StreamsAcceptor(StreamContext context, NetworkStreams streams) : IProtocolHandler
{
    /// <inheritdoc/>
    public async ValueTask ServeAsync(InboundConnection inbound, CancellationToken termination)
    {
        if (CheckCaller(inbound) is { } stranger)
        {
            Refused(inbound.RemoteId, stranger);
            await inbound.Connection.CloseAsync(stranger, stranger.Name).ConfigureAwait(false);
            return;
        }

        var accepted = await ReadHandshakeAsync(inbound, termination).ConfigureAwait(false);
        if (accepted is not var (link, payload))
            return;
        try
        {
            var refusal = Check(payload, out var sink, out var criteria);
            if (sink is not null && context.Discovery.Catalog.GetKnown(inbound.RemoteId) is { } peer)
            {
                context.Metrics.ConnectionAccepted();
                peer = new PeerInfo(peer.Entry, context.Discovery.RttWith(peer.Id, inbound.Connection.Rtt));
                await sink.ServeAsync(link, peer, criteria).ConfigureAwait(false);
            }
            else
            {
                // Without a refusal: it left the catalog while it was shaking hands.
                var code = refusal ?? CloseCode.UnknownPeer;
                Refused(inbound.RemoteId, code);
                await link.CloseAsync(code).ConfigureAwait(false);
            }
        }
        catch (LinkException error)
        {
            // It left while it was being refused.
            StreamsLog.HandshakeFailed(context.Logger, inbound.RemoteId, error.Message);
        }
        finally
        {
            await link.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Steps 1 and 3: null when the consumer left, was too late or broke the framing; the link is closed then.
    /// </summary>
    private async ValueTask<(Link Link, ReadOnlyMemory<byte> Payload)?> ReadHandshakeAsync(
        InboundConnection inbound, CancellationToken termination)
    {
        Link? link = null;
        using var deadline = inbound.StartDeadline(context.Options.HandshakeTimeout, termination);
        try
        {
            // A sink ends its subscriptions itself, with 204, while the node leaves: the link's owner is the last
            // resort.
            link = await inbound.AcceptLinkAsync(deadline, termination).ConfigureAwait(false);
            return (link, await link.ReceiveAsync(deadline).ConfigureAwait(false));
        }
        catch (Exception error) when (error is MosaikException or OperationCanceledException)
        {
            context.Metrics.ConnectionRejected();
            StreamsLog.HandshakeFailed(context.Logger, inbound.RemoteId, error.Message);
            if (link is not null)
                await link.DisposeAsync().ConfigureAwait(false);
            return null;
        }
    }

    private void Refused(PeerId peer, CloseCode code)
    {
        context.Metrics.ConnectionRejected();
        StreamsLog.SubscriptionRefused(context.Logger, peer, code);
    }

    private CloseCode? CheckCaller(InboundConnection inbound)
    {
        if (context.Discovery.Catalog.GetKnown(inbound.RemoteId) is null)
            return CloseCode.UnknownPeer;
        if (inbound.Connection.Rtt is not { } rtt)
            return null;

        // Step 2b: this connection's own time counts before it is judged, and it is judged by the smoothed one.
        var smoothed = context.Discovery.RttWith(inbound.RemoteId, rtt);
        context.Discovery.SampleRtt(inbound.RemoteId, rtt);
        return smoothed > context.MaxRtt ? CloseCode.NotAllowed : null;
    }

    private CloseCode? Check(ReadOnlyMemory<byte> payload, out StreamSink? sink, out Criteria criteria)
    {
        sink = null;
        criteria = Criteria.Default;
        if (!StreamHandshake.TryDecode(payload.Span, out var handshake)
            || !CriteriaCodec.TryDecode(payload.Span[StreamHandshake.Size..], out criteria))
            return CloseCode.ProtocolViolation;
        if (handshake.Network != context.NetworkId)
            return CloseCode.DifferentNetwork;
        sink = streams.Find(handshake.Stream);
        return sink is null ? CloseCode.StreamNotFound : null;
    }
}
