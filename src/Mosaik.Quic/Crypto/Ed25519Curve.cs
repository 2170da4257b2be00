using Org.BouncyCastle.Math.EC.Rfc7748;

namespace Mosaik.Quic.Crypto;

/// <summary>
/// What a verification computes on the curve of Ed25519 (RFC 8032 §5.1): points from and to bytes, and S·B − k·A.
/// </summary>
/// <remarks>
/// <para>
/// R' = S·B + k·(−A) is computed as it stands, without cofactor and without a random or reduced multiple of the
/// equation: both scalars are cut into four parts of 64 bits, each part is written with signed odd digits, and the
/// tables of <see cref="Ed25519Multiples"/> let all eight parts share 64 doublings (Straus).
/// </para>
/// <para>
/// The time depends on the digits. Everything here is public: the key, the signature and the message. Nothing of it is
/// used to sign or to agree on a secret; those run in the library's constant-time code.
/// </para>
/// </remarks>
internal static class Ed25519Curve
{
    private const int PointLength = 32;

    // Signed digits of a key's scalar: 4 points per part, 3 KiB per key.
    private const int KeyWidth = 4;

    // Signed digits of the base point's scalar: 32 points per part, made once per process.
    private const int BaseWidth = 7;

    // A part of 64 bits has at most 65 digits.
    private const int Digits = Ed25519Multiples.PartBits + 1;

    /// <summary>d = −121665/121666.</summary>
    internal static readonly int[] D = DecodeElement(
    [
        0xa3, 0x78, 0x59, 0x13, 0xca, 0x4d, 0xeb, 0x75, 0xab, 0xd8, 0x41, 0x41, 0x4d, 0x0a, 0x70, 0x00,
        0x98, 0xe8, 0x79, 0x77, 0x79, 0x40, 0xc7, 0x8c, 0x73, 0xfe, 0x6f, 0x2b, 0xee, 0x6c, 0x03, 0x52,
    ]);

    /// <summary>1/2 = (p + 1) / 2 = 2²⁵⁴ − 9.</summary>
    internal static readonly int[] Half = DecodeElement(
    [
        0xf7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f,
    ]);

    private static readonly Ed25519Multiples BasePoint = MakeBasePoint();

    /// <summary>
    /// The x of a y in 32 bytes, whose highest bit is ignored, with either sign; false when there is no such point.
    /// </summary>
    internal static bool TryDecompress(ReadOnlySpan<byte> bytes, int[] x, int[] y)
    {
        // RFC 8032 §5.1.3: x² = (y² − 1) / (d·y² + 1) must have a root; the sign of x can always be chosen.
        var u = X25519Field.Create();
        var v = X25519Field.Create();
        X25519Field.Decode255(bytes, y);
        X25519Field.Sqr(y, u);
        X25519Field.Mul(u, D, v);
        X25519Field.SubOne(u);
        X25519Field.AddOne(v);
        X25519Field.Normalize(u);
        X25519Field.Normalize(v);
        return X25519Field.SqrtRatioVar(u, v, x);
    }

    /// <summary>The multiples of −A for a key that was found to be a canonical point.</summary>
    internal static Ed25519Multiples NegatedMultiples(ReadOnlySpan<byte> publicKey)
    {
        var x = X25519Field.Create();
        var y = X25519Field.Create();
        if (!TryDecompress(publicKey, x, y))
            throw new ArgumentException("The key is not a point of the curve.", nameof(publicKey));
        X25519Field.Normalize(x);
        if ((x[0] & 1) == publicKey[^1] >> 7)
            Negate(x);
        return new Ed25519Multiples(x, y, KeyWidth);
    }

    /// <summary>Writes the encoding of S·B + k·(−A).</summary>
    internal static void MultiplyAdd(
        ReadOnlySpan<ulong> s,
        ReadOnlySpan<ulong> k,
        Ed25519Multiples negatedKey,
        Span<byte> destination)
    {
        Span<sbyte> ofBase = stackalloc sbyte[Ed25519Multiples.Parts * Digits];
        Span<sbyte> ofKey = stackalloc sbyte[Ed25519Multiples.Parts * Digits];
        for (var part = 0; part < Ed25519Multiples.Parts; part++)
        {
            WriteDigits(s[part], BaseWidth, ofBase.Slice(part * Digits, Digits));
            WriteDigits(k[part], KeyWidth, ofKey.Slice(part * Digits, Digits));
        }
        var sum = new Ed25519Accumulator();
        for (var bit = Digits - 1; bit >= 0; bit--)
        {
            if (bit < Digits - 1)
                sum.Double();
            for (var part = 0; part < Ed25519Multiples.Parts; part++)
            {
                var digit = ofBase[(part * Digits) + bit];
                if (digit != 0)
                    sum.Add(BasePoint[part, digit], digit < 0);
                digit = ofKey[(part * Digits) + bit];
                if (digit != 0)
                    sum.Add(negatedKey[part, digit], digit < 0);
            }
        }
        Encode(sum, destination);
    }

    // The signed form with odd digits below 2^(width − 1) in size, at most one of them in each `width` bits.
    private static void WriteDigits(ulong part, int width, Span<sbyte> digits)
    {
        UInt128 rest = part;
        var modulus = 1 << width;
        for (var i = 0; i < digits.Length; i++)
        {
            if (((ulong)rest & 1) == 0)
            {
                rest >>= 1;
                continue;
            }
            var digit = (int)(ulong)rest & (modulus - 1);
            if (digit >= modulus / 2)
            {
                digit -= modulus;
                rest += (ulong)-digit;
            }
            else
            {
                rest -= (ulong)digit;
            }
            digits[i] = (sbyte)digit;
            rest >>= 1;
        }
    }

    private static void Encode(Ed25519Accumulator point, Span<byte> destination)
    {
        var x = X25519Field.Create();
        var y = X25519Field.Create();
        X25519Field.InvVar(point.Z, y);
        X25519Field.Mul(point.X, y, x);
        X25519Field.Mul(point.Y, y, y);
        X25519Field.Normalize(x);
        X25519Field.Normalize(y);
        X25519Field.Encode(y, destination);
        destination[PointLength - 1] |= (byte)((x[0] & 1) << 7);
    }

    private static Ed25519Multiples MakeBasePoint()
    {
        // B has y = 4/5 and an even x (RFC 8032 §5.1).
        ReadOnlySpan<byte> encoded =
        [
            0x58, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
            0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
        ];
        var x = X25519Field.Create();
        var y = X25519Field.Create();
        if (!TryDecompress(encoded, x, y))
            throw new InvalidOperationException("The base point is not on the curve.");
        X25519Field.Normalize(x);
        if ((x[0] & 1) != 0)
            Negate(x);
        return new Ed25519Multiples(x, y, BaseWidth);
    }

    private static void Negate(int[] x)
    {
        X25519Field.Negate(x, x);
        X25519Field.Normalize(x);
    }

    private static int[] DecodeElement(ReadOnlySpan<byte> bytes)
    {
        var element = X25519Field.Create();
        X25519Field.Decode255(bytes, element);
        return element;
    }
}
