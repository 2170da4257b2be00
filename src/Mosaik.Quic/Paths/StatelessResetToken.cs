using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Paths;

/// <summary>The 16 bytes that end a stateless reset for one connection id (RFC 9000 §10.3).</summary>
/// <remarks>
/// Ours are the first 16 bytes of HMAC-SHA256(reset key, connection id), so that an endpoint that lost its state still
/// knows them
/// (spec/quic.md §6.2). Compared in constant time only (spec/quic.md §16).
/// </remarks>
[StructLayout(LayoutKind.Auto)]
internal readonly struct StatelessResetToken : IEquatable<StatelessResetToken>
{
    /// <summary>Bytes of a token.</summary>
    public const int Length = 16;

    private readonly UInt128 _value;

    /// <summary>A token of the peer.</summary>
    public StatelessResetToken(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Length)
            throw new ArgumentException("a stateless reset token has 16 bytes", nameof(bytes));
        _value = MemoryMarshal.Read<UInt128>(bytes);
    }

    /// <summary>The token of one of our connection ids. Allocates nothing.</summary>
    public static StatelessResetToken Create(ReadOnlySpan<byte> resetKey, in ConnectionId id)
    {
        Span<byte> idBytes = stackalloc byte[ConnectionId.MaxLength];
        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(resetKey, idBytes[..id.CopyTo(idBytes)], mac);
        return new StatelessResetToken(mac[..Length]);
    }

    /// <summary>The 16 bytes.</summary>
    [UnscopedRef]
    public ReadOnlySpan<byte> Bytes => MemoryMarshal.AsBytes(new ReadOnlySpan<UInt128>(in _value));

    /// <summary>Writes the token.</summary>
    public void CopyTo(Span<byte> destination) => Bytes.CopyTo(destination);

    /// <summary>Whether the bytes are the token, in time that does not depend on where they differ.</summary>
    public bool FixedTimeEquals(ReadOnlySpan<byte> bytes) =>
        CryptographicOperations.FixedTimeEquals(Bytes, bytes);

    /// <inheritdoc/>
    public bool Equals(StatelessResetToken other) => FixedTimeEquals(other.Bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is StatelessResetToken other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _value.GetHashCode();

    /// <summary>A token is a secret until it is used; it is never printed.</summary>
    public override string ToString() => "stateless reset token";
}
