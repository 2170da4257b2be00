using System.Net;
using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Networking.Transport;

/// <summary>A QUIC connection under the transport contract.</summary>
internal sealed class QuicTransportConnection(QuicConnection connection) : ITransportConnection
{
    public long Id => connection.Id;

    public PeerId RemoteId { get; } = PeerId.FromRawUnchecked(connection.PeerKey.Span); // proven by the handshake

    public string Alpn => connection.Alpn;

    public bool IsDialler => connection.IsClient;

    public IPEndPoint RemoteEndPoint => connection.RemoteEndPoint;

    public TimeSpan? Rtt => connection.SmoothedRtt;

    public TransportCloseInfo? CloseInfo =>
        connection.CloseInfo is { } info ? QuicErrors.Translate(info) : null;

    public async ValueTask<ITransportStream> OpenStreamAsync(
        TransportStreamDirection direction, CancellationToken cancellationToken = default)
    {
        try
        {
            return new QuicTransportStream(
                await connection.OpenStreamAsync(Translate(direction), cancellationToken).ConfigureAwait(false));
        }
        catch (QuicException e)
        {
            throw QuicErrors.Translate(e);
        }
    }

    public async ValueTask<ITransportStream> AcceptStreamAsync(
        TransportStreamDirection direction, CancellationToken cancellationToken = default)
    {
        try
        {
            return new QuicTransportStream(
                await connection.AcceptStreamAsync(Translate(direction), cancellationToken).ConfigureAwait(false));
        }
        catch (QuicException e)
        {
            throw QuicErrors.Translate(e);
        }
    }

    public ValueTask CloseAsync(CloseCode code, string reason) => connection.CloseAsync(code.Value, reason);

    public void Abort(CloseCode code, string reason) => connection.Abort(code.Value, reason);

    public async ValueTask<TransportCloseInfo> WaitClosedAsync(CancellationToken cancellationToken = default) =>
        QuicErrors.Translate(await connection.WaitClosedAsync(cancellationToken).ConfigureAwait(false));

    public void ExportKeyingMaterial(ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> output) =>
        connection.ExportKeyingMaterial(label, context, output);

    private static QuicStreamDirection Translate(TransportStreamDirection direction) =>
        direction == TransportStreamDirection.Bidirectional
            ? QuicStreamDirection.Bidirectional
            : QuicStreamDirection.Unidirectional;
}
