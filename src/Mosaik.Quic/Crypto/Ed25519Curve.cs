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
/// used to sign or to agree on a secret; that is <see cref="Ed25519BasePoint"/>.
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
    internal static readonly Field25519 D = Field25519.Decode(
    [
        0xa3, 0x78, 0x59, 0x13, 0xca, 0x4d, 0xeb, 0x75, 0xab, 0xd8, 0x41, 0x41, 0x4d, 0x0a, 0x70, 0x00,
        0x98, 0xe8, 0x79, 0x77, 0x79, 0x40, 0xc7, 0x8c, 0x73, 0xfe, 0x6f, 0x2b, 0xee, 0x6c, 0x03, 0x52,
    ]);

    /// <summary>1/2 = (p + 1) / 2 = 2²⁵⁴ − 9.</summary>
    internal static readonly Field25519 Half = Field25519.Decode(
    [
        0xf7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f,
    ]);

    // d once more, in the form of the library, which takes the square root.
    private static readonly int[] LibraryD = MakeLibraryD();

    /// <summary>The base point B: y = 4/5 and an even x (RFC 8032 §5.1).</summary>
    internal static (Field25519 X, Field25519 Y) Base { get; } = MakeBase();

    private static readonly Ed25519Multiples BasePoint = new(Base.X, Base.Y, BaseWidth);

    /// <summary>
    /// The point of a y in 32 bytes, whose highest bit is ignored, with either x; false when there is none.
    /// </summary>
    internal static bool TryDecompress(ReadOnlySpan<byte> bytes, out Field25519 x, out Field25519 y)
    {
        // RFC 8032 §5.1.3: x² = (y² − 1) / (d·y² + 1) must have a root; the sign of x can always be chosen.
        var u = X25519Field.Create();
        var v = X25519Field.Create();
        var root = X25519Field.Create();
        X25519Field.Decode255(bytes, u);
        X25519Field.Sqr(u, u);
        X25519Field.Mul(u, LibraryD, v);
        X25519Field.SubOne(u);
        X25519Field.AddOne(v);
        X25519Field.Normalize(u);
        X25519Field.Normalize(v);
        var exists = X25519Field.SqrtRatioVar(u, v, root);
        X25519Field.Normalize(root);
        Span<byte> encoded = stackalloc byte[PointLength];
        X25519Field.Encode(root, encoded);
        x = Field25519.Decode(encoded);
        y = Field25519.Decode(bytes);
        return exists;
    }

    /// <summary>The multiples of −A for a key that was found to be a canonical point.</summary>
    internal static Ed25519Multiples NegatedMultiples(ReadOnlySpan<byte> publicKey)
    {
        if (!TryDecompress(publicKey, out var x, out var y))
            throw new ArgumentException("The key is not a point of the curve.", nameof(publicKey));
        if (x.IsOdd == (publicKey[^1] >> 7 != 0))
            Negate(ref x);
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

    /// <summary>Writes the encoding of a point.</summary>
    internal static void Encode(Ed25519Accumulator point, Span<byte> destination)
    {
        Field25519.Invert(point.Z, out var inverse);
        Field25519.Multiply(point.X, inverse, out var x);
        Field25519.Multiply(point.Y, inverse, out var y);
        y.Encode(destination);
        destination[PointLength - 1] |= (byte)(Convert.ToByte(x.IsOdd) << 7);
    }

    private static (Field25519 X, Field25519 Y) MakeBase()
    {
        ReadOnlySpan<byte> encoded =
        [
            0x58, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
            0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
        ];
        if (!TryDecompress(encoded, out var x, out var y))
            throw new InvalidOperationException("The base point is not on the curve.");
        if (x.IsOdd)
            Negate(ref x);
        return (x, y);
    }

    private static void Negate(ref Field25519 x)
    {
        Field25519.Subtract(Field25519.Zero, x, out x);
        Field25519.Carry(x, out x);
    }

    private static int[] MakeLibraryD()
    {
        Span<byte> encoded = stackalloc byte[PointLength];
        D.Encode(encoded);
        var element = X25519Field.Create();
        X25519Field.Decode255(encoded, element);
        return element;
    }
}
