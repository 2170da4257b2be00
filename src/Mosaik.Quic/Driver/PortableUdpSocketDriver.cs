using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Mosaik.Quic.Driver;

/// <summary>
/// Receives with what every system offers: the base class library's asynchronous calls, one datagram per call
/// (spec/performance.md §4.2 rule 6). ECN and the local address are unknown here.
/// </summary>
internal sealed class PortableUdpSocketDriver : UdpSocketDriver
{
    private const int DrainDatagrams = 160;
    private const int PoolCapacity = 16;
    private static readonly TimeSpan DrainTime = TimeSpan.FromMicroseconds(50);

    private readonly DatagramPool _pool = new(PoolCapacity);
    private readonly EndPointCache _addresses = new();
    private Task _loop = Task.CompletedTask;

    public PortableUdpSocketDriver(Socket socket, ILogger logger)
        : base(socket, segmentation: false, logger)
    {
    }

    /// <summary>Completes when nothing more is delivered.</summary>
    internal Task Completion => _loop;

    /// <inheritdoc/>
    public override void Start(IDatagramReceiver receiver) => _loop = Task.Run(() => RunAsync(receiver));

    protected override void OnDisposed() => _pool.Dispose();

    private async Task RunAsync(IDatagramReceiver receiver)
    {
        var clock = TimeProvider.System;
        var sender = new SocketAddress(Socket.AddressFamily);
        var received = 0;
        long start = 0;
        while (!IsClosing)
        {
            var datagrams = await _pool.RentAsync().ConfigureAwait(false);
            if (datagrams is null)
                return;
            try
            {
                var pending = Socket.ReceiveFromAsync(datagrams.Buffer.AsMemory(), SocketFlags.None, sender);
                if (received > 0
                    && (!pending.IsCompleted || received >= DrainDatagrams || clock.GetElapsedTime(start) >= DrainTime))
                {
                    receiver.OnDrained();
                    received = 0;
                }

                datagrams.Length = await pending.ConfigureAwait(false);
                if (received++ == 0)
                    start = clock.GetTimestamp();
                if (datagrams.Length == 0)
                    continue;
                datagrams.SegmentSize = datagrams.Length;
                datagrams.Remote = _addresses.GetEndPoint(sender);
                var delivered = datagrams;
                datagrams = null;
                receiver.OnReceived(delivered);
            }
            catch (SocketException e) when (IsTransient(e.SocketErrorCode) && !IsClosing)
            {
                Log.ReceiveHiccup(Logger, e.SocketErrorCode);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                if (!IsClosing)
                    receiver.OnFailed(e);
                return;
            }
            finally
            {
                datagrams?.Release();
            }
        }
    }

    /// <summary>Errors that concern one datagram or one peer, not the socket.</summary>
    private static bool IsTransient(SocketError error) => error is SocketError.ConnectionReset
        or SocketError.ConnectionRefused or SocketError.MessageSize or SocketError.NetworkReset
        or SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.Interrupted
        or SocketError.NoBufferSpaceAvailable or SocketError.WouldBlock;
}
