using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace Mosaik.Quic.Driver;

/// <summary>
/// Receives on Linux: one dedicated thread that blocks in recvmsg, so that coalesced datagrams (UDP_GRO) and control
/// messages are seen (spec/performance.md §4.2).
/// </summary>
/// <remarks>
/// The socket is used by synchronous calls only: one asynchronous operation would make it non-blocking for good. Closing
/// the socket wakes the thread with result 0, which is an empty datagram at any other time.
/// </remarks>
internal sealed unsafe class LinuxUdpSocketDriver : UdpSocketDriver
{
    /// <summary>A drain ends after so many datagrams (spec/performance.md §4.2 rule 5).</summary>
    private const int DrainDatagrams = 160;

    /// <summary>A drain ends after so many ticks of receiving: 50 µs.</summary>
    private static readonly TimeSpan DrainTime = TimeSpan.FromMicroseconds(50);

    /// <summary>64 KiB buffers that may wait for a busy driver.</summary>
    private const int PoolCapacity = 16;

    private readonly DatagramPool _pool = new(PoolCapacity);
    private readonly EndPointCache _addresses = new();
    private Thread? _thread;

    public LinuxUdpSocketDriver(Socket socket, ILogger logger)
        : base(socket, HasSegmentation(socket), logger)
    {
        IsCoalescing = TrySetOption(socket, LinuxUdp.SolUdp, LinuxUdp.UdpGro, 1);
        TrySetOption(socket, LinuxUdp.SolIp, LinuxUdp.IpReceiveTos, 1);
        TrySetOption(socket, LinuxUdp.SolIp, LinuxUdp.IpPacketInfo, 1);
        if (socket.AddressFamily != AddressFamily.InterNetworkV6)
            return;
        TrySetOption(socket, LinuxUdp.SolIpv6, LinuxUdp.Ipv6ReceiveTrafficClass, 1);
        TrySetOption(socket, LinuxUdp.SolIpv6, LinuxUdp.Ipv6ReceivePacketInfo, 1);
    }

    /// <summary>True if the kernel joins consecutive datagrams of a flow.</summary>
    public bool IsCoalescing { get; }

    /// <summary>Empty datagrams received, which are ignored (spec/reliability.md E16).</summary>
    public long EmptyDatagrams { get; private set; }

    /// <inheritdoc/>
    public override void Start(IDatagramReceiver receiver)
    {
        _thread = new Thread(() => Run(receiver)) { IsBackground = true, Name = $"quic {LocalEndPoint}" };
        _thread.Start();
    }

    protected override void OnDisposed()
    {
        _pool.Dispose();
        // The thread may itself be what closes the endpoint.
        if (_thread is { } thread && thread != Thread.CurrentThread)
            thread.Join();
    }

    private static bool HasSegmentation(Socket socket) =>
        TrySetOption(socket, LinuxUdp.SolUdp, LinuxUdp.UdpSegment, 0);

    private void Run(IDatagramReceiver receiver)
    {
        var clock = TimeProvider.System;
        while (!IsClosing)
        {
            var received = Receive(receiver, 0);
            if (received < 0)
                return;
            if (received == 0)
                continue;

            var start = clock.GetTimestamp();
            while (received < DrainDatagrams && clock.GetElapsedTime(start) < DrainTime)
            {
                var more = Receive(receiver, LinuxUdp.MsgDontWait);
                if (more < 0)
                    return;
                if (more == 0)
                    break;
                received += more;
            }
            receiver.OnDrained();
        }
    }

    /// <summary>One call. Returns the number of datagrams, 0 if there are none now, -1 at the end.</summary>
    private int Receive(IDatagramReceiver receiver, int flags)
    {
        var datagrams = _pool.Rent();
        if (datagrams is null)
            return -1;
        int errno;
        try
        {
            if (TryReceive(datagrams, flags, out errno))
            {
                var count = datagrams.Length == 0
                    ? 1
                    : (datagrams.Length + datagrams.SegmentSize - 1) / datagrams.SegmentSize;
                if (datagrams.Length == 0)
                {
                    if (IsClosing)
                        return -1;
                    EmptyDatagrams++;
                    return count;
                }

                var delivered = datagrams;
                datagrams = null;
                receiver.OnReceived(delivered);
                return count;
            }
        }
        catch (ObjectDisposedException)
        {
            return -1;
        }
        finally
        {
            datagrams?.Release();
        }

        switch (errno)
        {
            case LinuxUdp.ErrnoAgain or LinuxUdp.ErrnoInterrupted or LinuxUdp.ErrnoConnectionRefused or 0:
                return 0;
            default:
                if (!IsClosing)
                    receiver.OnFailed(new SocketException(errno));
                return -1;
        }
    }

    /// <summary>False with the error number, or with 0 for a datagram that is to be ignored.</summary>
    private bool TryReceive(ReceivedDatagrams datagrams, int flags, out int errno)
    {
        var name = stackalloc byte[EndPointCache.MaxSocketAddressLength];
        var control = stackalloc byte[ControlMessages.BufferLength];
        LinuxUdp.IoVector vector;
        // The pool's arrays are pinned for life.
        vector.Base = (void*)Marshal.UnsafeAddrOfPinnedArrayElement(datagrams.Buffer, 0);
        vector.Length = (nuint)datagrams.Buffer.Length;
        var message = new LinuxUdp.MessageHeader
        {
            Name = name,
            NameLength = EndPointCache.MaxSocketAddressLength,
            Vectors = &vector,
            VectorCount = 1,
            Control = control,
            ControlLength = ControlMessages.BufferLength,
        };

        var length = LinuxUdp.ReceiveMessage(Socket.SafeHandle, &message, flags);
        if (length < 0)
        {
            errno = Marshal.GetLastPInvokeError();
            return false;
        }

        errno = 0;
        datagrams.Length = (int)length;
        if (length == 0)
            return true;
        if ((message.Flags & LinuxUdp.MsgTruncated) != 0
            || !_addresses.TryGetEndPoint(new ReadOnlySpan<byte>(name, (int)message.NameLength), out var remote))
            return false;
        var controlMessages = ControlMessages.Parse(new ReadOnlySpan<byte>(control, (int)message.ControlLength));
        datagrams.Remote = remote;
        datagrams.Ecn = controlMessages.Ecn;
        datagrams.LocalAddress = _addresses.GetLocalAddress(controlMessages.LocalAddress);
        datagrams.SegmentSize = controlMessages.SegmentSize is > 0 and var size && size < (int)length
            ? size
            : (int)length;
        return true;
    }
}
