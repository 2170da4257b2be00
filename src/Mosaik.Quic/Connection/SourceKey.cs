using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Mosaik.Quic.Connection;

/// <summary>
/// Whom unfinished handshakes are counted for: an IPv4 address, or an IPv6 /64, the smallest block a single attacker is
/// usually given (spec/reliability.md E2).
/// </summary>
internal readonly record struct SourceKey(ulong Value, bool IsIpv6)
{
    /// <summary>The source a datagram came from.</summary>
    public static SourceKey From(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (!address.TryWriteBytes(bytes, out int length))
            throw new ArgumentException("Neither an IPv4 nor an IPv6 address.", nameof(address));
        return address.AddressFamily == AddressFamily.InterNetworkV6 && length == 16
            ? new SourceKey(BinaryPrimitives.ReadUInt64BigEndian(bytes), IsIpv6: true)
            : new SourceKey(BinaryPrimitives.ReadUInt32BigEndian(bytes), IsIpv6: false);
    }
}
