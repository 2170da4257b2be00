using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Mosaik.Postcard;

namespace Mosaik.Primitives;

/// <summary>An Ed25519 signature: 64 raw bytes, without a prefix on the wire.</summary>
[PostcardConverter(typeof(SignaturePostcardConverter))]
[StructLayout(LayoutKind.Sequential, Size = Length)]
public readonly struct Signature : IEquatable<Signature>
{
    /// <summary>The size in bytes.</summary>
    public const int Length = 64;

    private readonly Bytes32 _r;
    private readonly Bytes32 _s;

    private Signature(ReadOnlySpan<byte> bytes)
    {
        _r = new Bytes32(bytes[..Bytes32.Length]);
        _s = new Bytes32(bytes[Bytes32.Length..]);
    }

    /// <summary>Exactly these 64 bytes.</summary>
    /// <param name="bytes">64 bytes.</param>
    /// <returns>The signature, which is not checked against anything.</returns>
    /// <exception cref="ArgumentException">The length is not 64.</exception>
    public static Signature FromRaw(ReadOnlySpan<byte> bytes) => bytes.Length == Length
        ? new Signature(bytes)
        : throw new ArgumentException($"A signature has {Length} bytes, not {bytes.Length}.", nameof(bytes));

    /// <summary>Copies the 64 bytes.</summary>
    /// <param name="destination">At least 64 bytes.</param>
    public void CopyTo(Span<byte> destination)
    {
        _r.AsSpan().CopyTo(destination);
        _s.AsSpan().CopyTo(destination[Bytes32.Length..]);
    }

    /// <summary>The 64 bytes, copied.</summary>
    /// <returns>A new array.</returns>
    public byte[] ToByteArray()
    {
        byte[] bytes = new byte[Length];
        CopyTo(bytes);
        return bytes;
    }

    /// <inheritdoc/>
    public bool Equals(Signature other) => _r.Equals(other._r) && _s.Equals(other._s);

    /// <inheritdoc/>
    public override bool Equals([NotNullWhen(true)] object? obj) => obj is Signature other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_r, _s);

    /// <summary>128 lower-case hexadecimal characters.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => Convert.ToHexStringLower(ToByteArray());

    /// <summary>Equality of the bytes.</summary>
    /// <param name="left">One signature.</param>
    /// <param name="right">Another signature.</param>
    public static bool operator ==(Signature left, Signature right) => left.Equals(right);

    /// <summary>Inequality of the bytes.</summary>
    /// <param name="left">One signature.</param>
    /// <param name="right">Another signature.</param>
    public static bool operator !=(Signature left, Signature right) => !left.Equals(right);
}
