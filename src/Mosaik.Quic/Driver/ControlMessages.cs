using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Mosaik.Quic.Driver;

/// <summary>
/// What the kernel says about received datagrams beside their bytes: segment size, ECN, local address
/// (spec/performance.md §4.2).
/// </summary>
/// <remarks>
/// A control buffer is a sequence of messages: 8-byte length (header included), 4-byte level, 4-byte type, data, padding
/// to 8 bytes. Lengths are checked against what remains; unknown messages are skipped; a malformed one ends the walk.
/// </remarks>
internal ref struct ControlMessages
{
    /// <summary>Size of a message's header.</summary>
    public const int HeaderLength = 16;

    /// <summary>Room for every message the driver asks for, in both address families, and some more.</summary>
    public const int BufferLength = 256;

    /// <summary>Length of each coalesced datagram; 0 = the bytes are one datagram.</summary>
    public int SegmentSize;

    /// <summary>The ECN bits.</summary>
    public Ecn Ecn;

    /// <summary>The local address, 4 or 16 bytes; empty if the kernel did not tell.</summary>
    public ReadOnlySpan<byte> LocalAddress;

    /// <summary>Walks <paramref name="buffer"/>.</summary>
    public static ControlMessages Parse(ReadOnlySpan<byte> buffer)
    {
        var result = default(ControlMessages);
        while (buffer.Length >= HeaderLength)
        {
            var length = MemoryMarshal.Read<ulong>(buffer);
            if (length < HeaderLength || length > (ulong)buffer.Length)
                break;
            var level = MemoryMarshal.Read<int>(buffer[8..]);
            var type = MemoryMarshal.Read<int>(buffer[12..]);
            result.Take(level, type, buffer[HeaderLength..(int)length]);
            var advance = ((int)length + 7) & ~7;
            if (advance >= buffer.Length)
                break;
            buffer = buffer[advance..];
        }
        return result;
    }

    private void Take(int level, int type, ReadOnlySpan<byte> data)
    {
        switch (level, type)
        {
            case (LinuxUdp.SolUdp, LinuxUdp.UdpGro) when data.Length >= sizeof(int):
                var size = MemoryMarshal.Read<int>(data);
                SegmentSize = size > 0 ? size : 0;
                break;

            // The value is an int on little-endian machines for TCLASS and a byte for TOS; the first byte is right for both.
            case (LinuxUdp.SolIp, LinuxUdp.IpTos) when data.Length >= 1:
                Ecn = (Ecn)(data[0] & 3);
                break;
            case (LinuxUdp.SolIpv6, LinuxUdp.Ipv6TrafficClass) when data.Length >= sizeof(int):
                Ecn = (Ecn)(BinaryPrimitives.ReadInt32LittleEndian(data) & 3);
                break;

            // struct in_pktinfo: interface index, address chosen for answers, address of the header.
            case (LinuxUdp.SolIp, LinuxUdp.IpPacketInfo) when data.Length >= 12:
                LocalAddress = data.Slice(8, 4);
                break;
            case (LinuxUdp.SolIpv6, LinuxUdp.Ipv6PacketInfo) when data.Length >= 16:
                LocalAddress = data[..16];
                break;
        }
    }
}
