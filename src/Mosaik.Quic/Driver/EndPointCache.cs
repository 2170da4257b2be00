using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Mosaik.Quic.Driver;

/// <summary>
/// Turns socket addresses into the objects the rest of the stack uses, and back, without allocating for peers that were
/// seen lately. Not thread-safe; one per thread that needs it.
/// </summary>
/// <remarks>
/// A direct-mapped table: each address has one place, and a newcomer takes it from whoever had it. A flood of forged
/// sources costs short-lived objects, never memory.
/// </remarks>
internal sealed class EndPointCache
{
    private const int Places = 256;

    /// <summary>sizeof(sockaddr_in6), the longest address handled here.</summary>
    public const int MaxSocketAddressLength = 28;

    private readonly IPEndPoint?[] _received = new IPEndPoint?[Places];
    private readonly (IPEndPoint? EndPoint, SocketAddress? Address)[] _sent = new (IPEndPoint?, SocketAddress?)[Places];
    private IPAddress? _local;

    /// <summary>
    /// The end point in a sockaddr_in or sockaddr_in6 as Linux lays it out. IPv4-mapped addresses become IPv4
    /// (spec/quic.md §13 trap 28).
    /// </summary>
    public bool TryGetEndPoint(ReadOnlySpan<byte> socketAddress, out IPEndPoint endPoint)
    {
        endPoint = null!; // only when false is returned
        if (socketAddress.Length < 2)
            return false;
        var family = MemoryMarshal.Read<ushort>(socketAddress);
        ReadOnlySpan<byte> address;
        uint scope = 0;
        if (family == LinuxUdp.FamilyIpv4 && socketAddress.Length >= 8)
        {
            address = socketAddress.Slice(4, 4);
        }
        else if (family == LinuxUdp.FamilyIpv6 && socketAddress.Length >= MaxSocketAddressLength)
        {
            address = socketAddress.Slice(8, 16);
            if (IsMapped(address))
                address = address[12..];
            else
                scope = MemoryMarshal.Read<uint>(socketAddress[24..]);
        }
        else
        {
            return false;
        }

        endPoint = Get(address, scope, BinaryPrimitives.ReadUInt16BigEndian(socketAddress[2..]));
        return true;
    }

    /// <summary>The end point in an address object of the base class library, in any system's layout.</summary>
    public IPEndPoint GetEndPoint(SocketAddress socketAddress)
    {
        if (LinuxUdp.IsSupported
            && TryGetEndPoint(socketAddress.Buffer.Span[..socketAddress.Size], out var known))
            return known;
        var template = socketAddress.Family == AddressFamily.InterNetworkV6
            ? new IPEndPoint(IPAddress.IPv6Any, 0)
            : new IPEndPoint(IPAddress.Any, 0);
        var endPoint = (IPEndPoint)template.Create(socketAddress);
        if (endPoint.Address.IsIPv4MappedToIPv6)
            endPoint.Address = endPoint.Address.MapToIPv4();
        Span<byte> bytes = stackalloc byte[16];
        endPoint.Address.TryWriteBytes(bytes, out var written);
        var scope = endPoint.AddressFamily == AddressFamily.InterNetworkV6 ? (uint)endPoint.Address.ScopeId : 0;
        return Get(bytes[..written], scope, (ushort)endPoint.Port);
    }

    /// <summary>The address object for sending to <paramref name="endPoint"/>, IPv4-mapped for a dual-stack socket.</summary>
    public SocketAddress GetSocketAddress(IPEndPoint endPoint, AddressFamily socketFamily)
    {
        Span<byte> bytes = stackalloc byte[16];
        endPoint.Address.TryWriteBytes(bytes, out var written);
        ref var place = ref _sent[PlaceOf(bytes[..written], (ushort)endPoint.Port)];
        if (place.EndPoint is { } cached && (ReferenceEquals(cached, endPoint) || cached.Equals(endPoint)))
            return place.Address!; // set together with EndPoint
        var target = socketFamily == AddressFamily.InterNetworkV6 && endPoint.AddressFamily == AddressFamily.InterNetwork
            ? new IPEndPoint(endPoint.Address.MapToIPv6(), endPoint.Port)
            : endPoint;
        var address = target.Serialize();
        // A copy of the end point: the caller's object is mutable.
        place = (new IPEndPoint(endPoint.Address, endPoint.Port), address);
        return address;
    }

    /// <summary>The address object for a local address of 4 or 16 bytes.</summary>
    public IPAddress? GetLocalAddress(ReadOnlySpan<byte> address)
    {
        if (address.Length == 16 && IsMapped(address))
            address = address[12..];
        if (address.Length is not (4 or 16))
            return null;
        Span<byte> bytes = stackalloc byte[16];
        if (_local is null || !_local.TryWriteBytes(bytes, out var written) || !address.SequenceEqual(bytes[..written]))
            _local = new IPAddress(address);
        return _local;
    }

    private IPEndPoint Get(ReadOnlySpan<byte> address, uint scope, ushort port)
    {
        ref var place = ref _received[PlaceOf(address, port)];
        Span<byte> bytes = stackalloc byte[16];
        if (place is not null && place.Port == port && place.Address.TryWriteBytes(bytes, out var written)
            && address.SequenceEqual(bytes[..written])
            && (written == 4 || place.Address.ScopeId == scope))
            return place;
        place = new IPEndPoint(
            address.Length == 16 ? new IPAddress(address, scope) : new IPAddress(address), port);
        return place;
    }

    private static bool IsMapped(ReadOnlySpan<byte> address) =>
        address[..12].SequenceEqual((ReadOnlySpan<byte>)[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);

    private static int PlaceOf(ReadOnlySpan<byte> address, ushort port)
    {
        // FNV-1a; only the place in a cache depends on it.
        var hash = 2166136261u ^ port;
        foreach (var b in address)
            hash = (hash ^ b) * 16777619u;
        return (int)((hash ^ (hash >> 16)) % Places);
    }
}
