using System.Security.Cryptography;

namespace Mosaik.Quic.Crypto;

/// <summary>The function X25519 of RFC 7748 §5, in a time that does not depend on the secret.</summary>
/// <remarks>
/// Any point: the Montgomery ladder, 255 steps of five products and four squares. The base point: a multiple of the
/// base point of Ed25519, which is the same point on the birationally equivalent curve (RFC 7748 §4.1), a third of the
/// work.
/// </remarks>
internal static class X25519
{
    /// <summary>Length of private keys, points and results.</summary>
    internal const int KeyLength = 32;

    private const int Bits = 255;

    // (A − 2) / 4 for A = 486662.
    private static readonly Field25519 A24 = Field25519.Small(121_665);

    /// <summary>The public key of a private key.</summary>
    internal static void MultiplyBase(ReadOnlySpan<byte> privateKey, Span<byte> publicKey)
    {
        Span<byte> scalar = stackalloc byte[KeyLength];
        Clamp(privateKey, scalar);
        var point = Ed25519BasePoint.Multiply(scalar);
        CryptographicOperations.ZeroMemory(scalar);
        // u = (1 + y) / (1 − y).
        Field25519.Add(point.Z, point.Y, out var u);
        Field25519.Subtract(point.Z, point.Y, out var inverse);
        Field25519.Invert(inverse, out inverse);
        Field25519.Multiply(u, inverse, out u);
        u.Encode(publicKey);
    }

    /// <summary>
    /// The multiple of a point that is given by its u. False when it is zero, which a peer can force (RFC 7748 §6.1).
    /// </summary>
    internal static bool TryMultiply(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> point, Span<byte> result)
    {
        Span<byte> scalar = stackalloc byte[KeyLength];
        Clamp(privateKey, scalar);
        var u = Field25519.Decode(point);
        var (x2, z2, x3, z3) = (Field25519.One, Field25519.Zero, u, Field25519.One);
        var swap = 0UL;
        for (var i = Bits - 1; i >= 0; i--)
        {
            var bit = (ulong)((scalar[i >> 3] >> (i & 7)) & 1);
            Field25519.Swap(swap ^ bit, ref x2, ref x3);
            Field25519.Swap(swap ^ bit, ref z2, ref z3);
            swap = bit;
            Step(u, ref x2, ref z2, ref x3, ref z3);
        }

        Field25519.Swap(swap, ref x2, ref x3);
        Field25519.Swap(swap, ref z2, ref z3);
        CryptographicOperations.ZeroMemory(scalar);
        Field25519.Invert(z2, out z2);
        Field25519.Multiply(x2, z2, out x2);
        x2.Encode(result);
        return !x2.IsZero;
    }

    // The loop body of RFC 7748 §5, with its names.
    private static void Step(
        in Field25519 x1, ref Field25519 x2, ref Field25519 z2, ref Field25519 x3, ref Field25519 z3)
    {
        Field25519.Add(x2, z2, out var a);
        Field25519.Subtract(x2, z2, out var b);
        Field25519.Add(x3, z3, out var c);
        Field25519.Subtract(x3, z3, out var d);
        Field25519.Multiply(d, a, out var da);
        Field25519.Multiply(c, b, out var cb);
        Field25519.Square(a, out var aa);
        Field25519.Square(b, out var bb);
        Field25519.Add(da, cb, out x3);
        Field25519.Square(x3, out x3);
        Field25519.Subtract(da, cb, out z3);
        Field25519.Square(z3, out z3);
        Field25519.Multiply(z3, x1, out z3);
        Field25519.Multiply(aa, bb, out x2);
        Field25519.Subtract(aa, bb, out var e);
        Field25519.Multiply(e, A24, out z2);
        Field25519.Add(z2, aa, out z2);
        Field25519.Multiply(z2, e, out z2);
    }

    private static void Clamp(ReadOnlySpan<byte> privateKey, Span<byte> scalar)
    {
        privateKey.CopyTo(scalar);
        scalar[0] &= 0xf8;
        scalar[^1] = (byte)((scalar[^1] & 0x7f) | 0x40);
    }
}
