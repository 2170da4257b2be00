using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Mosaik.Quic.Driver;

/// <summary>Log messages of the driver, events 1900–1999 of the transport's thousand.</summary>
internal static partial class Log
{
    [LoggerMessage(1900, LogLevel.Debug, "Socket buffers: {Receive} bytes to receive, {Send} to send")]
    public static partial void SocketBuffers(ILogger logger, int receive, int send);

    [LoggerMessage(1901, LogLevel.Warning, "The system limits socket buffers to {Size} bytes, which loses datagrams on fast "
        + "paths. On Linux raise net.core.rmem_max and net.core.wmem_max to 8388608")]
    public static partial void SmallSocketBuffers(ILogger logger, int size);

    [LoggerMessage(1902, LogLevel.Debug, "A socket buffer of {Size} bytes was refused: {Error}")]
    public static partial void SocketBufferRefused(ILogger logger, int size, SocketError error);

    [LoggerMessage(1903, LogLevel.Warning, "Segmentation offload failed ({Error}) and is off for this socket from now on")]
    public static partial void SegmentationLost(ILogger logger, SocketError error);

    [LoggerMessage(1904, LogLevel.Debug, "A receive call failed and is made again: {Error}")]
    public static partial void ReceiveHiccup(ILogger logger, SocketError error);

    [LoggerMessage(1905, LogLevel.Error, "The socket {EndPoint} can receive no more")]
    public static partial void ReceiveFailed(ILogger logger, IPEndPoint endPoint, Exception exception);

    [LoggerMessage(1906, LogLevel.Warning, "The path to {Remote} does not carry datagrams of {Size} bytes")]
    public static partial void DatagramTooLarge(ILogger logger, IPEndPoint remote, int size);

    [LoggerMessage(1907, LogLevel.Warning, "The key log file {Path} cannot be opened")]
    public static partial void KeyLogUnavailable(ILogger logger, string path, Exception exception);

    [LoggerMessage(1908, LogLevel.Information, "Listening on {EndPoints} as {PublicKey}")]
    public static partial void Listening(ILogger logger, string endPoints, string publicKey);

    [LoggerMessage(1909, LogLevel.Debug, "Connection {Id} with {Remote} established as {Role}, {Alpn}")]
    public static partial void Connected(ILogger logger, long id, IPEndPoint remote, string role, string alpn);

    [LoggerMessage(1910, LogLevel.Debug, "Connection {Id} with {Remote} ended: {Close}")]
    public static partial void Closed(ILogger logger, long id, IPEndPoint remote, QuicCloseInfo close);

    [LoggerMessage(1911, LogLevel.Critical, "A turn of the driver failed; the endpoint is closed")]
    public static partial void TurnFailed(ILogger logger, Exception exception);

    [LoggerMessage(1912, LogLevel.Critical, "A datagram of {Remote} could not be handled; its connection is dropped")]
    public static partial void DatagramFailed(ILogger logger, IPEndPoint remote, Exception exception);

    [LoggerMessage(1913, LogLevel.Warning, "TLS secrets are logged and {Count} dialled connections have sockets of their own, "
        + "which is the limit. Further ones share a socket, and a capture may show their packets as undecryptable")]
    public static partial void DialsShareSocket(ILogger logger, int count);
}
