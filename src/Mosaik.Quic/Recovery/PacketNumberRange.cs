using System.Runtime.InteropServices;

namespace Mosaik.Quic.Recovery;

/// <summary>An inclusive range of packet numbers, as ACK frames carry them (RFC 9000 §19.3.1).</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct PacketNumberRange(ulong Smallest, ulong Largest)
{
    /// <summary>Whether the number lies in the range.</summary>
    public bool Contains(ulong packetNumber) => packetNumber >= Smallest && packetNumber <= Largest;
}
