using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Mosaik.Waiting;

namespace Mosaik.Quic.Driver;

/// <summary>
/// Receives on Linux: one dedicated thread that blocks in recvmmsg, so that coalesced datagrams (UDP_GRO) and control
/// messages are seen (spec/performance.md §4.2).
/// </summary>
/// <remarks>
/// One call waits for the first message and takes what else is there, so that an idle socket is not asked twice, and what
/// arrived together is worked on together. Who waited for the bytes continues on the receiving thread if they are few
/// (<see cref="ReceiveRole"/>). The socket is used by synchronous calls only: one asynchronous operation would make it
/// non-blocking for good. Closing the socket wakes the thread with result 0, which is an empty datagram at any other time.
/// </remarks>
internal sealed unsafe class LinuxUdpSocketDriver : UdpSocketDriver
{
    /// <summary>A drain ends after so many datagrams (spec/performance.md §4.2 rule 5).</summary>
    private const int DrainDatagrams = 160;

    /// <summary>A drain ends after so many ticks of receiving: 50 µs.</summary>
    private static readonly TimeSpan DrainTime = TimeSpan.FromMicroseconds(50);

    /// <summary>64 KiB buffers that may wait for a busy driver.</summary>
    private const int PoolCapacity = 16;

    /// <summary>Messages one call may deliver, each up to a whole coalesced batch.</summary>
    private const int MessagesPerCall = 4;

    /// <summary>What the thread that receives may also digest; more is worth a thread of its own.</summary>
    private const int FewBytes = 4 * 1024;

    private readonly DatagramPool _pool = new(PoolCapacity);
    private readonly EndPointCache _addresses = new();
    private readonly ReceivedDatagrams?[] _buffers = new ReceivedDatagrams?[MessagesPerCall];
    private readonly ReceivedDatagrams[] _batch = new ReceivedDatagrams[MessagesPerCall];
    private ReceiveRole? _role;

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
        _role = new ReceiveRole(StartThread, $"quic {LocalEndPoint} watch");
        _role.Start();

        Thread StartThread(long term)
        {
            var thread = new Thread(() => Run(receiver, term)) { IsBackground = true, Name = $"quic {LocalEndPoint}" };
            thread.Start();
            return thread;
        }
    }

    protected override void OnDisposed()
    {
        _pool.Dispose();
        _role?.Dispose();
    }

    private static bool HasSegmentation(Socket socket) =>
        TrySetOption(socket, LinuxUdp.SolUdp, LinuxUdp.UdpSegment, 0);

    private void Run(IDatagramReceiver receiver, long term)
    {
        var clock = TimeProvider.System;
        var isOpen = true;
        // The thread before this one still runs its reader, and has not come to it.
        if (term > 0)
            receiver.OnDrained();
        while (isOpen && !IsClosing)
        {
            isOpen = TryReceive(receiver, LinuxUdp.MsgWaitForOne, out var datagrams, out var isFull);
            var start = clock.GetTimestamp();
            // A call that found less than it asked for has left nothing behind.
            while (isOpen && isFull && datagrams < DrainDatagrams && clock.GetElapsedTime(start) < DrainTime)
            {
                isOpen = TryReceive(receiver, LinuxUdp.MsgDontWait, out var more, out isFull);
                datagrams += more;
            }
            // Before anything is sent: the reader waits, the peer does not, and what the reader writes takes the
            // acknowledgement along.
            var isMine = PoolTurn.EndCollecting() is not { } continuation || _role!.Run(term, continuation);
            if (datagrams > 0)
                receiver.OnDrained();
            if (!isMine)
                return; // the buffers are another thread's now
        }
        foreach (var buffer in _buffers)
            buffer?.Release();
    }

    /// <summary>One call, and the delivery of what it found. False at the end.</summary>
    private bool TryReceive(IDatagramReceiver receiver, int flags, out int datagrams, out bool isFull)
    {
        (datagrams, isFull) = (0, false);
        // Waits only for the first buffer: the others are worth having, but not worth waiting for.
        _buffers[0] ??= _pool.Rent();
        if (_buffers[0] is null)
            return false;
        var offered = 1;
        while (offered < MessagesPerCall && (_buffers[offered] ??= _pool.TryRent()) is not null)
            offered++;

        int received;
        int errno;
        try
        {
            received = Receive(offered, flags, out errno);
        }
        catch (ObjectDisposedException)
        {
            return false;
        }

        if (received < 0)
        {
            if (errno is LinuxUdp.ErrnoAgain or LinuxUdp.ErrnoInterrupted or LinuxUdp.ErrnoConnectionRefused)
                return true;
            if (!IsClosing)
                receiver.OnFailed(new SocketException(errno));
            return false;
        }

        isFull = received == offered;
        var (count, bytes) = (0, 0);
        for (var i = 0; i < received; i++)
        {
            var buffer = _buffers[i]!; // offered
            if (buffer.Length == 0)
            {
                if (IsClosing)
                    return false;
                EmptyDatagrams++;
                datagrams++;
            }
            else if (buffer.Length > 0)
            {
                datagrams += (buffer.Length + buffer.SegmentSize - 1) / buffer.SegmentSize;
                bytes += buffer.Length;
                _batch[count++] = buffer;
                _buffers[i] = null;
            }
        }
        if (count == 0)
            return true;
        if (!isFull && bytes <= FewBytes && _role!.MayRun)
            PoolTurn.BeginCollecting();
        receiver.OnReceivedTogether(_batch.AsSpan(0, count));
        return true;
    }

    /// <summary>The number of messages, each described by its buffer, or -1 with the error number.</summary>
    private int Receive(int offered, int flags, out int errno)
    {
        var names = stackalloc byte[MessagesPerCall * EndPointCache.MaxSocketAddressLength];
        var controls = stackalloc byte[MessagesPerCall * ControlMessages.BufferLength];
        var vectors = stackalloc LinuxUdp.IoVector[MessagesPerCall];
        var messages = stackalloc LinuxUdp.ReceivedMessage[MessagesPerCall];
        for (var i = 0; i < offered; i++)
        {
            var buffer = _buffers[i]!.Buffer; // offered
            // The pool's arrays are pinned for life.
            vectors[i].Base = (void*)Marshal.UnsafeAddrOfPinnedArrayElement(buffer, 0);
            vectors[i].Length = (nuint)buffer.Length;
            messages[i].Header = new LinuxUdp.MessageHeader
            {
                Name = names + (i * EndPointCache.MaxSocketAddressLength),
                NameLength = EndPointCache.MaxSocketAddressLength,
                Vectors = vectors + i,
                VectorCount = 1,
                Control = controls + (i * ControlMessages.BufferLength),
                ControlLength = ControlMessages.BufferLength,
            };
        }

        var received = LinuxUdp.ReceiveMessages(Socket.SafeHandle, messages, (uint)offered, flags, null);
        errno = received < 0 ? Marshal.GetLastPInvokeError() : 0;
        for (var i = 0; i < received; i++)
            Describe(_buffers[i]!, messages[i]); // offered
        return received;
    }

    /// <summary>Notes in the buffer what was received; a negative length if it is to be ignored.</summary>
    private void Describe(ReceivedDatagrams datagrams, in LinuxUdp.ReceivedMessage message)
    {
        ref readonly var header = ref message.Header;
        datagrams.Length = (int)message.Length;
        if (message.Length == 0)
            return;
        if ((header.Flags & LinuxUdp.MsgTruncated) != 0
            || !_addresses.TryGetEndPoint(new ReadOnlySpan<byte>(header.Name, (int)header.NameLength), out var remote))
        {
            datagrams.Length = -1;
            return;
        }
        var control = ControlMessages.Parse(new ReadOnlySpan<byte>(header.Control, (int)header.ControlLength));
        datagrams.Remote = remote;
        datagrams.Ecn = control.Ecn;
        datagrams.LocalAddress = _addresses.GetLocalAddress(control.LocalAddress);
        datagrams.SegmentSize = control.SegmentSize is > 0 and var size && size < datagrams.Length ? size : datagrams.Length;
    }
}
