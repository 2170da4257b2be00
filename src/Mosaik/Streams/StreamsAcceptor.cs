using Mosaik.Discovery;
using Mosaik.Networking;

namespace Mosaik.Streams;

/// <summary>
/// The producer node's side of an inbound subscription, up to the sink (spec/streams.md §3.1, steps 1–5).
/// </summary>
/// <remarks>
/// Each inbound connection is served by a task of its own with its own deadline. Before a byte is read the caller must
/// be in the catalog (else 401: it synchronises and comes again) and near enough (else 10403).
/// </remarks>
internal sealed class StreamsAcceptor(StreamContext context, NetworkStreams streams)
{
    /// <summary>Serves one inbound link until it ends; never throws.</summary>
    public async Task ServeAsync(Link link)
    {
        try
        {
            var refusal = CheckCaller(link);
            if (refusal is null)
            {
                using var deadline = new Deadline(
                    context.TimeProvider, context.Options.HandshakeTimeout, "Waiting for a stream handshake", link.RemoteId,
                    cancellationToken: context.Stopping);
                var payload = await link.ReceiveAsync(deadline).ConfigureAwait(false);
                refusal = Check(payload, out var sink);
                if (sink is not null && context.Discovery.GetKnown(link.RemoteId) is { } peer)
                {
                    context.Metrics.ConnectionAccepted();
                    await sink.ServeAsync(link, peer).ConfigureAwait(false);
                    return;
                }
            }

            context.Metrics.ConnectionRejected();
            var code = refusal ?? CloseCode.UnknownPeer;
            StreamsLog.SubscriptionRefused(context.Logger, link.RemoteId, code);
            await link.CloseAsync(code).ConfigureAwait(false);
        }
        catch (Exception error) when (error is LinkException or MosaikTimeoutException or OperationCanceledException)
        {
            // The consumer left, was too late or broke the framing; the link has closed with the code that says so.
            context.Metrics.ConnectionRejected();
            StreamsLog.HandshakeFailed(context.Logger, link.RemoteId, error.Message);
        }
        finally
        {
            await link.DisposeAsync().ConfigureAwait(false);
        }
    }

    private CloseCode? CheckCaller(Link link)
    {
        if (context.Discovery.GetKnown(link.RemoteId) is not { } peer)
            return CloseCode.UnknownPeer;
        return context.Discovery.MaxRtt is { } limit && link.Rtt > limit ? CloseCode.NotAllowed : null;
    }

    private CloseCode? Check(ReadOnlyMemory<byte> payload, out StreamSink? sink)
    {
        sink = null;
        if (!StreamHandshake.TryDecode(payload.Span, out var handshake))
            return CloseCode.ProtocolViolation;
        if (handshake.Network != context.NetworkId)
            return CloseCode.DifferentNetwork;
        sink = streams.Find(handshake.Stream);
        return sink is null ? CloseCode.StreamNotFound : null;
    }
}
