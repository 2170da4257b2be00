using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Mosaik.Quic.Driver;

/// <summary>
/// A UDP socket of the operating system: opening, options and sending. How datagrams are received differs per system and is
/// left to the two derived types.
/// </summary>
/// <remarks>
/// The only place in the product that knows about sockets. Options that a system does not have are left out one by one;
/// what remains is a plain UDP socket. Datagrams are never fragmented (RFC 9000 §14).
/// </remarks>
internal abstract class UdpSocketDriver : IDatagramSocket
{
    /// <summary>Wanted size of the kernel's buffers (spec/performance.md §4.6).</summary>
    private const int SocketBufferSize = 8 * 1024 * 1024;

    /// <summary>Below this a warning names the setting of the system.</summary>
    private const int SmallSocketBuffer = 2 * 1024 * 1024;

    /// <summary>How long a full send buffer may hold up the sender before it counts as "would block".</summary>
    private const int SendPatienceMilliseconds = 1;

    private readonly EndPointCache _sendCache = new();
    private readonly SocketSender _sender;
    private int _disposed;

    protected UdpSocketDriver(Socket socket, bool segmentation, ILogger logger)
    {
        Socket = socket;
        Logger = logger;
        // The local end point of a bound socket is known.
        LocalEndPoint = (IPEndPoint)socket.LocalEndPoint!;
        _sender = new SocketSender(this, segmentation);
    }

    /// <inheritdoc/>
    public IPEndPoint LocalEndPoint { get; }

    /// <inheritdoc/>
    public int MaxSegments => _sender.MaxSegments;

    protected Socket Socket { get; }

    protected ILogger Logger { get; }

    /// <summary>True once <see cref="Dispose"/> was called.</summary>
    protected bool IsClosing => Volatile.Read(ref _disposed) != 0;

    /// <summary>Opens a socket and takes every option the system offers.</summary>
    /// <param name="local">Address and port, which may be 0.</param>
    /// <param name="dualStack">Whether an IPv6 socket also serves IPv4.</param>
    /// <param name="logger">Where options that are missing are told.</param>
    /// <param name="portable">Do not use what only Linux has.</param>
    /// <exception cref="SocketException">The address cannot be bound.</exception>
    public static UdpSocketDriver Open(IPEndPoint local, bool dualStack, ILogger logger, bool portable = false)
    {
        var socket = new Socket(local.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            if (local.AddressFamily == AddressFamily.InterNetworkV6)
                socket.DualMode = dualStack;
            if (OperatingSystem.IsWindows())
                IgnorePortUnreachable(socket);
            var linux = LinuxUdp.IsSupported && !portable;
            if (linux)
                SetMtuDiscovery(socket);
            SetBuffers(socket, logger);
            socket.Bind(local);
            return linux ? new LinuxUdpSocketDriver(socket, logger) : new PortableUdpSocketDriver(socket, logger);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public abstract void Start(IDatagramReceiver receiver);

    /// <inheritdoc/>
    public DatagramSendResult Send(in OutgoingDatagrams datagrams)
    {
        _sender.Remote = _sendCache.GetSocketAddress(datagrams.Remote, Socket.AddressFamily);
        if (datagrams.Ecn != _sender.EcnInForce)
            _sender.ChangeEcn(datagrams.Ecn);
        return _sender.Send(datagrams.Payload, datagrams.SegmentSize);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        Socket.Dispose();
        OnDisposed();
    }

    /// <summary>The socket was closed: the receive loop has been woken and is to end.</summary>
    protected abstract void OnDisposed();

    /// <summary>Sets one integer option; false if the system does not have it or forbids it.</summary>
    protected static bool TrySetOption(Socket socket, int level, int name, int value)
    {
        try
        {
            socket.SetRawSocketOption(level, name, BitConverter.GetBytes(value));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static void SetMtuDiscovery(Socket socket)
    {
        if (socket.AddressFamily == AddressFamily.InterNetworkV6)
            TrySetOption(socket, LinuxUdp.SolIpv6, LinuxUdp.Ipv6MtuDiscover, LinuxUdp.PathMtuDiscoverProbe);
        TrySetOption(socket, LinuxUdp.SolIp, LinuxUdp.IpMtuDiscover, LinuxUdp.PathMtuDiscoverProbe);
    }

    /// <summary>A port that answers with ICMP must not fail our receive call (spec/quic.md §13 trap 29).</summary>
    private static void IgnorePortUnreachable(Socket socket)
    {
        const int SioUdpConnReset = unchecked((int)0x9800000C);
        socket.IOControl(SioUdpConnReset, [0, 0, 0, 0], null);
    }

    private static void SetBuffers(Socket socket, ILogger logger)
    {
        if (!LinuxUdp.IsSupported
            || !TrySetOption(socket, LinuxUdp.SolSocket, LinuxUdp.SoReceiveBufferForce, SocketBufferSize))
            TrySetBuffer(socket, SocketOptionName.ReceiveBuffer, logger);
        if (!LinuxUdp.IsSupported
            || !TrySetOption(socket, LinuxUdp.SolSocket, LinuxUdp.SoSendBufferForce, SocketBufferSize))
            TrySetBuffer(socket, SocketOptionName.SendBuffer, logger);

        var (receive, send) = (socket.ReceiveBufferSize, socket.SendBufferSize);
        Log.SocketBuffers(logger, receive, send);
        if (receive < SmallSocketBuffer || send < SmallSocketBuffer)
            Log.SmallSocketBuffers(logger, Math.Min(receive, send));
    }

    private static void TrySetBuffer(Socket socket, SocketOptionName name, ILogger logger)
    {
        // Some systems refuse a size above their limit instead of cutting it.
        for (var size = SocketBufferSize; size >= 64 * 1024; size /= 2)
        {
            try
            {
                socket.SetSocketOption(SocketOptionLevel.Socket, name, size);
                return;
            }
            catch (SocketException e)
            {
                Log.SocketBufferRefused(logger, size, e.SocketErrorCode);
            }
        }
    }

    /// <summary>The system calls behind <see cref="SegmentedSender"/>.</summary>
    private sealed class SocketSender : SegmentedSender
    {
        private readonly UdpSocketDriver _owner;
        private readonly byte[] _option = new byte[sizeof(int)];

        public SocketSender(UdpSocketDriver owner, bool segmentation)
            : base(segmentation)
        {
            _owner = owner;
            owner.Socket.SendTimeout = SendPatienceMilliseconds;
        }

        public SocketAddress Remote { get; set; } = null!; // set before every Send

        public Ecn EcnInForce { get; private set; }

        public void ChangeEcn(Ecn ecn)
        {
            EcnInForce = ecn;
            if (!LinuxUdp.IsSupported)
                return;
            if (_owner.Socket.AddressFamily == AddressFamily.InterNetworkV6)
                SetOption(LinuxUdp.SolIpv6, LinuxUdp.Ipv6TrafficClass, (int)ecn);
            SetOption(LinuxUdp.SolIp, LinuxUdp.IpTos, (int)ecn);
        }

        protected override SocketError SendRaw(ReadOnlySpan<byte> payload)
        {
            try
            {
                _owner.Socket.SendTo(payload, SocketFlags.None, Remote);
                return SocketError.Success;
            }
            catch (SocketException e)
            {
                return e.SocketErrorCode;
            }
            catch (ObjectDisposedException)
            {
                return SocketError.Shutdown;
            }
        }

        protected override bool SetSegmentSize(int size) => SetOption(LinuxUdp.SolUdp, LinuxUdp.UdpSegment, size);

        protected override void OnSegmentationLost(SocketError error) => Log.SegmentationLost(_owner.Logger, error);

        private bool SetOption(int level, int name, int value)
        {
            BitConverter.TryWriteBytes(_option, value);
            try
            {
                _owner.Socket.SetRawSocketOption(level, name, _option);
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
            catch (ObjectDisposedException)
            {
                return false;
            }
        }
    }
}
