using System.Numerics;
using System.Security.Cryptography;
using Mosaik.Quic.Crypto;
using Mosaik.Quic.Tests.Tls;
using Org.BouncyCastle.Math.EC.Rfc8032;

namespace Mosaik.Quic.Tests.Crypto;

/// <summary>
/// The plain equation against two others: the library's verification with full checks of both points, and arithmetic
/// on whole numbers.
/// </summary>
public sealed class Ed25519EquationTests
{
    private const int Signatures = 20_000;

    [Fact]
    public void Agrees_with_the_library_on_right_and_on_corrupted_signatures()
    {
        var random = new SeededRandom(8032);
        var keys = new Ed25519SigningKey[200];
        var seed = new byte[32];
        for (var i = 0; i < keys.Length; i++)
        {
            random.Fill(seed);
            keys[i] = Ed25519SigningKey.FromSeed(seed);
        }
        var (accepted, refused) = (0, 0);
        var signature = new byte[64];
        for (var i = 0; i < Signatures; i++)
        {
            var signer = keys[random.NextBelow(keys.Length)];
            var key = signer.PublicKey.ToArray();
            // Now and then longer than what is hashed from the stack.
            var message = new byte[random.NextBelow(i % 16 == 0 ? 2_000 : 200)];
            random.Fill(message);
            signer.Sign(message, signature);
            Assert.True(Ed25519Strict.Verify(key, message, signature));
            Assert.True(LibraryVerify(key, message, signature));
            accepted++;

            Corrupt(random, i, ref key, ref message, signature);
            var answer = Ed25519Strict.Verify(key, message, signature);
            Assert.Equal(LibraryVerify(key, message, signature), answer);
            refused += answer ? 0 : 1;
        }
        Assert.Equal((Signatures, Signatures), (accepted, refused));
        foreach (var key in keys)
            key.Dispose();
    }

    [Fact]
    public void Refuses_every_point_with_a_part_of_small_order()
    {
        var random = new SeededRandom(8);
        var torsion = Edwards.SmallOrder();
        Assert.Equal(8, torsion.Count);
        for (var i = 0; i < 5; i++)
        {
            var secret = Number(random);
            var nonce = Number(random);
            var message = new byte[i * 7];
            random.Fill(message);
            var (pointOfKey, pointOfR) = (Edwards.Base * secret, Edwards.Base * nonce);
            foreach (var ofKey in torsion)
            {
                var key = (pointOfKey + ofKey).Encode();
                foreach (var ofR in torsion)
                {
                    // R = r·B + T, A = a·B + T', S = r + k·a: right up to the cofactor.
                    var r = (pointOfR + ofR).Encode();
                    var signature = Complete(r, key, message, secret, nonce);
                    var answer = Ed25519Strict.Verify(key, message, signature);
                    Assert.Equal(ofKey.IsNeutral && ofR.IsNeutral, answer);
                    Assert.Equal(answer, LibraryVerify(key, message, signature));
                }
            }
        }
    }

    [Fact]
    public void Refuses_points_of_small_order_themselves_and_numbers_from_l_on()
    {
        var random = new SeededRandom(80);
        var secret = Number(random);
        var nonce = Number(random);
        byte[] message = [1, 2, 3];
        var key = (Edwards.Base * secret).Encode();
        foreach (var small in Edwards.SmallOrder())
        {
            // With r = 0 the equation holds for R = the neutral element.
            Assert.False(Ed25519Strict.Verify(
                key, message, Complete(small.Encode(), key, message, secret, BigInteger.Zero)));
            // With a = 0, S = r: the equation holds for any message when the key is neutral.
            var r = (Edwards.Base * nonce).Encode();
            Assert.False(Ed25519Strict.Verify(
                small.Encode(), message, Complete(r, small.Encode(), message, BigInteger.Zero, nonce)));
        }
        var signature = Complete((Edwards.Base * nonce).Encode(), key, message, secret, nonce);
        Assert.True(Ed25519Strict.Verify(key, message, signature));
        var s = new BigInteger(signature.AsSpan(32), isUnsigned: true);
        for (var multiple = 1; multiple <= 15; multiple++)
        {
            Write(s + (multiple * Edwards.L), signature.AsSpan(32));
            Assert.False(Ed25519Strict.Verify(key, message, signature));
        }
    }

    [Fact]
    public void Reduces_numbers_like_whole_numbers()
    {
        var random = new SeededRandom(252);
        var bytes = new byte[64];
        var edge = new List<BigInteger> { 0, 1, Edwards.L - 1, Edwards.L, Edwards.L + 1, (BigInteger.One << 512) - 1 };
        for (var bit = 0; bit < 512; bit++)
            edge.AddRange([BigInteger.One << bit, (BigInteger.One << bit) - 1]);
        for (var quotient = 0; quotient < 253; quotient++)
        {
            var multiple = Edwards.L << quotient;
            edge.AddRange([multiple - 1, multiple, multiple + 1]);
        }
        for (var i = 0; i < 5_000 + edge.Count; i++)
        {
            if (i < edge.Count)
                Write(edge[i], bytes);
            else
                random.Fill(bytes);
            var expected = new BigInteger(bytes, isUnsigned: true) % Edwards.L;
            var words = new ulong[Ed25519Scalar.Words];
            Ed25519Scalar.Reduce(bytes, words);
            Assert.Equal(expected, ToNumber(words));
        }
    }

    [Fact]
    public void Reads_only_numbers_below_l()
    {
        var bytes = new byte[32];
        var words = new ulong[Ed25519Scalar.Words];
        foreach (var (number, isBelow) in new[]
        {
            (BigInteger.Zero, true), (Edwards.L - 1, true), (Edwards.L, false), (Edwards.L + 1, false),
            (BigInteger.One << 252, true), (BigInteger.One << 253, false), ((BigInteger.One << 256) - 1, false),
        })
        {
            Write(number, bytes);
            Assert.Equal(isBelow, Ed25519Scalar.TryRead(bytes, words));
            Assert.Equal(number, ToNumber(words));
        }
    }

    [Fact]
    public void Multiplies_by_scalars_with_extreme_digits()
    {
        var random = new SeededRandom(64);
        var a = Number(random);
        var multiples = Ed25519Curve.NegatedMultiples((Edwards.Base * a).Encode());
        var numbers = new List<BigInteger> { 0, 1, Edwards.L - 1, (BigInteger.One << 252) - 1, BigInteger.One << 252 };
        for (var part = 1; part < 4; part++)
            numbers.AddRange([(BigInteger.One << (64 * part)) - 1, BigInteger.One << (64 * part)]);
        var output = new byte[32];
        foreach (var s in numbers)
        {
            foreach (var k in numbers)
            {
                Ed25519Curve.MultiplyAdd(ToWords(s), ToWords(k), multiples, output);
                var scalar = (((s - (k * a)) % Edwards.L) + Edwards.L) % Edwards.L;
                Assert.Equal((Edwards.Base * scalar).Encode(), output);
            }
        }
    }

    // Full checks of A and R, then the library's equation, which has the cofactor: what strictness means otherwise.
    private static bool LibraryVerify(byte[] key, byte[] message, byte[] signature) =>
        Ed25519.ValidatePublicKeyFullExport(key) is { } point
        && Ed25519.ValidatePublicKeyFull(signature.AsSpan(0, 32))
        && Ed25519.Verify(signature, point, message);

    private static void Corrupt(SeededRandom random, int round, ref byte[] key, ref byte[] message, byte[] signature)
    {
        switch (round % 5)
        {
            case 0:
                Flip(random, signature.AsSpan(0, 32));
                break;
            case 1:
                Flip(random, signature.AsSpan(32));
                break;
            case 2 when message.Length > 0:
                Flip(random, message);
                break;
            case 3:
                Flip(random, key);
                break;
            case 4:
                Write(new BigInteger(signature.AsSpan(32), isUnsigned: true) + Edwards.L, signature.AsSpan(32));
                break;
            default:
                message = [.. message, 0];
                break;
        }
    }

    private static void Flip(SeededRandom random, Span<byte> bytes) =>
        bytes[random.NextBelow(bytes.Length)] ^= (byte)(1 << random.NextBelow(8));

    private static byte[] Complete(byte[] r, byte[] key, byte[] message, BigInteger secret, BigInteger nonce)
    {
        var k = new BigInteger(SHA512.HashData([.. r, .. key, .. message]), isUnsigned: true);
        var signature = new byte[64];
        r.CopyTo(signature, 0);
        Write((nonce + (k * secret)) % Edwards.L, signature.AsSpan(32));
        return signature;
    }

    private static BigInteger Number(SeededRandom random)
    {
        var bytes = new byte[64];
        random.Fill(bytes);
        return new BigInteger(bytes, isUnsigned: true) % Edwards.L;
    }

    private static void Write(BigInteger number, Span<byte> destination)
    {
        destination.Clear();
        Assert.True(number.TryWriteBytes(destination, out _, isUnsigned: true));
    }

    private static BigInteger ToNumber(ulong[] words) =>
        words[0] + ((BigInteger)words[1] << 64) + ((BigInteger)words[2] << 128) + ((BigInteger)words[3] << 192);

    private static ulong[] ToWords(BigInteger number) =>
        [.. Enumerable.Range(0, 4).Select(i => (ulong)((number >> (64 * i)) & ulong.MaxValue))];

    /// <summary>A point of the curve in whole numbers, as RFC 8032 §5.1 writes it down.</summary>
    private sealed record Edwards(BigInteger X, BigInteger Y)
    {
        internal static readonly BigInteger L =
            (BigInteger.One << 252) + BigInteger.Parse("27742317777372353535851937790883648493");

        private static readonly BigInteger P = (BigInteger.One << 255) - 19;
        private static readonly BigInteger D = Mod(-121665 * Inverse(121666));

        internal static Edwards Base { get; } = FromY(Mod(4 * Inverse(5)));

        internal bool IsNeutral => X.IsZero && Y.IsOne;

        private static Edwards Neutral { get; } = new(0, 1);

        public static Edwards operator +(Edwards p, Edwards q)
        {
            var t = Mod(D * Mod(p.X * q.X) * Mod(p.Y * q.Y));
            return new(
                Mod(Mod((p.X * q.Y) + (p.Y * q.X)) * Inverse(1 + t)),
                Mod(Mod((p.Y * q.Y) + (p.X * q.X)) * Inverse(1 - t)));
        }

        public static Edwards operator *(Edwards p, BigInteger n)
        {
            // With a common denominator, so that only the end needs an inversion.
            var (result, power) = ((BigInteger.Zero, BigInteger.One, BigInteger.One), (p.X, p.Y, BigInteger.One));
            for (; n > 0; n >>= 1)
            {
                if (!n.IsEven)
                    result = Add(result, power);
                power = Add(power, power);
            }
            var inverse = Inverse(result.Item3);
            return new(Mod(result.Item1 * inverse), Mod(result.Item2 * inverse));
        }

        private static (BigInteger X, BigInteger Y, BigInteger Z) Add(
            (BigInteger X, BigInteger Y, BigInteger Z) p, (BigInteger X, BigInteger Y, BigInteger Z) q)
        {
            var z = p.Z * q.Z % P;
            var (xx, yy) = (p.X * q.X % P, p.Y * q.Y % P);
            var e = Mod(D * xx % P * yy);
            var (f, g) = (Mod((z * z) - e), Mod((z * z) + e));
            return (
                Mod(((p.X * q.Y) + (p.Y * q.X)) % P * f % P * z),
                Mod((yy + xx) * g % P * z),
                Mod(f * g));
        }

        internal static List<Edwards> SmallOrder()
        {
            // y of a point of order 8; its multiples are all of them.
            var y = new BigInteger(
                Convert.FromHexString("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
                isUnsigned: true);
            var point = FromY(y);
            return [.. Enumerable.Range(0, 8).Select(i => point * i).Distinct()];
        }

        internal byte[] Encode()
        {
            var bytes = new byte[32];
            Write(Y, bytes);
            bytes[31] |= (byte)(X.IsEven ? 0 : 0x80);
            return bytes;
        }

        private static Edwards FromY(BigInteger y)
        {
            var square = Mod(Mod((y * y) - 1) * Inverse(Mod(D * y * y) + 1));
            var x = BigInteger.ModPow(square, (P + 3) / 8, P);
            if (Mod(x * x) != square)
                x = Mod(x * BigInteger.ModPow(2, (P - 1) / 4, P));
            Assert.Equal(square, Mod(x * x));
            return new(x.IsEven ? x : P - x, y);
        }

        private static BigInteger Inverse(BigInteger n) => BigInteger.ModPow(Mod(n), P - 2, P);

        private static BigInteger Mod(BigInteger n) => ((n % P) + P) % P;
    }
}
