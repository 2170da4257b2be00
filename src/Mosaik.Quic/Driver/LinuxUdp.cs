using System.Runtime.InteropServices;

namespace Mosaik.Quic.Driver;

/// <summary>Numbers and layouts of the Linux socket interface (64-bit) that the base class library does not expose.</summary>
internal static unsafe partial class LinuxUdp
{
    // Levels
    public const int SolIp = 0;
    public const int SolSocket = 1;
    public const int SolUdp = 17;
    public const int SolIpv6 = 41;

    // Level SOL_SOCKET
    public const int SoSendBufferForce = 32;
    public const int SoReceiveBufferForce = 33;

    // Level IPPROTO_IP
    public const int IpTos = 1;
    public const int IpPacketInfo = 8;
    public const int IpMtuDiscover = 10;
    public const int IpReceiveTos = 13;

    // Level IPPROTO_IPV6
    public const int Ipv6MtuDiscover = 23;
    public const int Ipv6ReceivePacketInfo = 49;
    public const int Ipv6PacketInfo = 50;
    public const int Ipv6ReceiveTrafficClass = 66;
    public const int Ipv6TrafficClass = 67;

    /// <summary>Value of the MTU discovery options: set DF, ignore the kernel's idea of the path MTU.</summary>
    public const int PathMtuDiscoverProbe = 3;

    // Level SOL_UDP (linux/udp.h)
    public const int UdpSegment = 103;
    public const int UdpGro = 104;

    public const int MsgTruncated = 0x20;
    public const int MsgDontWait = 0x40;
    public const int MsgWaitForOne = 0x10000;

    public const int ErrnoInterrupted = 4;
    public const int ErrnoAgain = 11;
    public const int ErrnoConnectionRefused = 111;

    public const int FamilyIpv4 = 2;
    public const int FamilyIpv6 = 10;

    /// <summary>True where these layouts hold.</summary>
    public static bool IsSupported => OperatingSystem.IsLinux() && Environment.Is64BitProcess;

    /// <summary>Returns the number of messages received, or -1.</summary>
    [LibraryImport("libc", EntryPoint = "recvmmsg", SetLastError = true)]
    public static partial int ReceiveMessages(
        SafeHandle socket, ReceivedMessage* messages, uint count, int flags, void* timeout);

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct IoVector
    {
        public void* Base;
        public nuint Length;
    }

    /// <summary>struct msghdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }

    /// <summary>struct mmsghdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct ReceivedMessage
    {
        public MessageHeader Header;
        public uint Length;
    }
}
