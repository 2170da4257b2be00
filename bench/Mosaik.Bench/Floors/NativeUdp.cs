using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Mosaik.Bench.Floors;

/// <summary>Segmentation, coalescing and placement of threads, on Linux; elsewhere the plain path is measured.</summary>
internal static partial class NativeUdp
{
    private const int SolUdp = 17;
    private const int UdpSegment = 103;
    private const int UdpGro = 104;
    private const int BufferSize = 4 << 20;

    public const int DatagramSize = 1200;

    public static Socket Bind(bool coalesce)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp)
        {
            ReceiveBufferSize = BufferSize,
            SendBufferSize = BufferSize,
            ReceiveTimeout = 300,
        };
        if (coalesce && OperatingSystem.IsLinux())
            socket.SetRawSocketOption(SolUdp, UdpGro, BitConverter.GetBytes(1));
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    /// <summary>A socket whose sends are cut into datagrams of <see cref="DatagramSize"/>.</summary>
    public static Socket Connect(EndPoint remote, int segments)
    {
        var socket = Bind(coalesce: false);
        if (segments > 1 && OperatingSystem.IsLinux())
            socket.SetRawSocketOption(SolUdp, UdpSegment, BitConverter.GetBytes(DatagramSize));
        socket.Connect(remote);
        return socket;
    }

    /// <summary>Starts a thread, on one core when <paramref name="core"/> is given.</summary>
    public static Thread Run(Action work, int? core)
    {
        var thread = new Thread(() =>
        {
            if (core is { } c && OperatingSystem.IsLinux())
            {
                var mask = 1UL << c;
                _ = SetAffinity(0, sizeof(ulong), in mask);
            }

            work();
        })
        {
            IsBackground = true,
        };
        thread.Start();
        return thread;
    }

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static partial int SetAffinity(int thread, nint size, in ulong mask);
}
