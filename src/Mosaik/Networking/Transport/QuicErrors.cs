using Mosaik.Quic;

namespace Mosaik.Networking.Transport;

/// <summary>Puts the failures of QUIC into the words of the transport contract.</summary>
internal static class QuicErrors
{
    public static TransportCloseInfo Translate(QuicCloseInfo info) => new(
        info.Kind switch
        {
            QuicCloseKind.Application => TransportCloseKind.Application,
            QuicCloseKind.Transport or QuicCloseKind.VersionNegotiation => TransportCloseKind.Protocol,
            QuicCloseKind.StatelessReset => TransportCloseKind.Reset,
            _ => TransportCloseKind.TimedOut,
        },
        info.IsRemote,
        new CloseCode(info.Code),
        info.Reason);

    public static TransportException Translate(QuicException error) => new(
        error.Kind switch
        {
            QuicErrorKind.ConnectFailed => TransportErrorKind.ConnectFailed,
            QuicErrorKind.StreamReset => TransportErrorKind.StreamReset,
            QuicErrorKind.StreamStopped => TransportErrorKind.StreamStopped,
            QuicErrorKind.StreamEnded => TransportErrorKind.StreamEnded,
            QuicErrorKind.EndpointClosed => TransportErrorKind.TransportClosed,
            _ => TransportErrorKind.ConnectionClosed,
        },
        error.Message,
        error.CloseInfo is { } info
            ? Translate(info)
            : error.Kind == QuicErrorKind.EndpointClosed
                ? new TransportCloseInfo(TransportCloseKind.Local, false, CloseCode.None, "")
                : null,
        error)
    {
        StreamCode = new CloseCode(error.ErrorCode),
    };
}
