using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Paths;

/// <summary>
/// The token of a Retry packet: proves that the client receives at its address (RFC 9000 §8.1.2–8.1.4).
/// </summary>
/// <remarks>
/// <para>
/// Layout: expiry (8 bytes, ticks of the endpoint's monotonic clock, big-endian) ‖ length and bytes of the original
/// destination
/// connection id ‖ first 16 bytes of HMAC-SHA256(token key, all of this ‖ length and bytes of the Retry's source
/// connection id ‖
/// the client's address and port). Nothing is kept until the token returns; a token is good for one address and for one
/// pair of
/// ids, 15 s long (spec/reliability.md §11, E6), and for as long as the endpoint keeps its key, that is, its process.
/// </para>
/// <para>The client's Initial with the token has the Retry's source connection id as its destination: the caller passes
/// it.</para>
/// </remarks>
internal static class RetryToken
{
    /// <summary>How long a token is accepted.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(15);

    /// <summary>Bytes of the longest token.</summary>
    public const int MaxLength = 8 + 1 + ConnectionId.MaxLength + MacLength;

    private const int MacLength = 16;
    private const int AddressLength = 16 + 2;

    /// <summary>Writes a token and returns its length.</summary>
    public static int Write(
        ReadOnlySpan<byte> key,
        TimeSpan now,
        IPEndPoint client,
        in ConnectionId originalDestination,
        in ConnectionId retrySource,
        Span<byte> destination)
    {
        BinaryPrimitives.WriteInt64BigEndian(destination, (now + Lifetime).Ticks);
        destination[8] = (byte)originalDestination.Length;
        int length = 9 + originalDestination.CopyTo(destination[9..]);
        Span<byte> mac = stackalloc byte[MacLength];
        ComputeMac(key, destination[..length], client, retrySource, mac);
        mac.CopyTo(destination[length..]);
        return length + MacLength;
    }

    /// <summary>Whether the token is ours, for this client and these ids, and not expired.</summary>
    public static bool TryValidate(
        ReadOnlySpan<byte> key,
        TimeSpan now,
        IPEndPoint client,
        in ConnectionId retrySource,
        ReadOnlySpan<byte> token,
        out ConnectionId originalDestination)
    {
        originalDestination = ConnectionId.Empty;
        if (token.Length < 9 + MacLength || token[8] > ConnectionId.MaxLength || token.Length != 9 + token[8] + MacLength)
            return false;
        ReadOnlySpan<byte> content = token[..^MacLength];
        Span<byte> mac = stackalloc byte[MacLength];
        ComputeMac(key, content, client, retrySource, mac);
        if (!CryptographicOperations.FixedTimeEquals(mac, token[^MacLength..]))
            return false;
        if (now.Ticks >= BinaryPrimitives.ReadInt64BigEndian(content))
            return false;
        originalDestination = new ConnectionId(content[9..]);
        return true;
    }

    private static void ComputeMac(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> content, IPEndPoint client, in ConnectionId retrySource, Span<byte> mac)
    {
        Span<byte> input = stackalloc byte[9 + ConnectionId.MaxLength + 1 + ConnectionId.MaxLength + AddressLength];
        input.Clear();
        content.CopyTo(input);
        int position = content.Length;
        input[position++] = (byte)retrySource.Length;
        position += retrySource.CopyTo(input[position..]);
        Span<byte> address = input.Slice(position, AddressLength);
        WriteAddress(client, address);
        Span<byte> full = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, input[..(position + AddressLength)], full);
        full[..MacLength].CopyTo(mac);
    }

    /// <summary>An IPv4 address as IPv4-mapped IPv6, so that both forms give the same token.</summary>
    private static void WriteAddress(IPEndPoint client, Span<byte> destination)
    {
        if (client.AddressFamily == AddressFamily.InterNetwork)
        {
            destination[10] = 0xff;
            destination[11] = 0xff;
            client.Address.TryWriteBytes(destination[12..], out _);
        }
        else
        {
            client.Address.TryWriteBytes(destination, out _);
        }
        BinaryPrimitives.WriteUInt16BigEndian(destination[16..], (ushort)client.Port);
    }
}
