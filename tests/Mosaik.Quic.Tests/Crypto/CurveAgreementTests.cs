using System.Numerics;
using Mosaik.Quic.Crypto;
using Mosaik.Quic.Tests.Tls;
using LibraryEd25519 = Org.BouncyCastle.Math.EC.Rfc8032.Ed25519;
using LibraryX25519 = Org.BouncyCastle.Math.EC.Rfc7748.X25519;

namespace Mosaik.Quic.Tests.Crypto;

/// <summary>Curve25519 as this project computes it, against whole numbers and against another implementation.</summary>
public sealed class CurveAgreementTests
{
    private static readonly BigInteger P = (BigInteger.One << 255) - 19;

    [Fact]
    public void Field_operations_are_those_of_whole_numbers()
    {
        var numbers = new List<BigInteger> { 0, 1, 2, 18, 19, 20, P - 2, P - 1, P, P + 1, P + 18, (BigInteger.One << 255) - 1 };
        for (var bit = 50; bit < 255; bit += 51)
            numbers.AddRange([(BigInteger.One << bit) - 1, BigInteger.One << bit, P - (BigInteger.One << bit)]);
        var random = new SeededRandom(25519);
        var bytes = new byte[Field25519.Length];
        for (var i = 0; i < 40; i++)
        {
            random.Fill(bytes);
            bytes[^1] &= 0x7f;
            numbers.Add(new BigInteger(bytes, isUnsigned: true));
        }

        foreach (var x in numbers)
        {
            var a = Read(x);
            Assert.Equal(x % P, Write(a));
            Assert.Equal(x % P == 0, a.IsZero);
            Assert.Equal(!(x % P).IsEven, a.IsOdd);
            Field25519.Square(a, out var square);
            Assert.Equal(x * x % P, Write(square));
            Field25519.Invert(a, out var inverse);
            Assert.Equal(BigInteger.ModPow(x, P - 2, P), Write(inverse));
            foreach (var y in numbers)
            {
                var b = Read(y);
                Field25519.Multiply(a, b, out var product);
                Assert.Equal(x * y % P, Write(product));
                // The largest factors that the formulas of the curve make.
                Field25519.Add(a, b, out var sum);
                Field25519.Subtract(sum, b, out var difference);
                Field25519.Multiply(difference, difference, out product);
                Assert.Equal(x * x % P, Write(product));
                Field25519.Square(difference, out product);
                Assert.Equal(x * x % P, Write(product));
                Field25519.Multiply(difference, sum, out product);
                Assert.Equal(x * (x + y) % P, Write(product));
            }
        }
    }

    [Fact]
    public void Keys_agreements_and_signatures_are_those_of_another_implementation()
    {
        var random = new SeededRandom(8032);
        var (seed, share, expected, message) = (new byte[32], new byte[32], new byte[32], new byte[700]);
        var (actualSignature, expectedSignature) = (new byte[64], new byte[64]);
        for (var i = 0; i < 500; i++)
        {
            random.Fill(seed);
            random.Fill(share);
            random.Fill(message);
            if (i < 32)
                seed.AsSpan().Fill((byte)(i % 2 == 0 ? 0xff >> (i / 2) : 0x11 * (i / 2)));
            using var exchange = X25519Exchange.FromPrivateKey(seed);
            LibraryX25519.ScalarMultBase(seed, expected);
            Assert.Equal(expected, exchange.PublicShare);
            var secret = new byte[32];
            Assert.Equal(LibraryX25519.CalculateAgreement(seed, share, expected), exchange.TryAgree(share, secret));
            Assert.Equal(expected, secret);

            using var key = Ed25519SigningKey.FromSeed(seed);
            LibraryEd25519.GeneratePublicKey(seed, expected);
            Assert.Equal(expected, key.PublicKey.Span);
            var text = message.AsSpan(0, i % 2 == 0 ? i : message.Length);
            key.Sign(text, actualSignature);
            LibraryEd25519.Sign(seed, text, expectedSignature);
            Assert.Equal(expectedSignature, actualSignature);
            Assert.True(Ed25519Strict.Verify(key.PublicKey.Span, text, actualSignature));
        }
    }

    private static Field25519 Read(BigInteger number)
    {
        var bytes = new byte[Field25519.Length];
        Assert.True(number.TryWriteBytes(bytes, out _, isUnsigned: true));
        return Field25519.Decode(bytes);
    }

    private static BigInteger Write(in Field25519 number)
    {
        var bytes = new byte[Field25519.Length];
        number.Encode(bytes);
        return new BigInteger(bytes, isUnsigned: true);
    }
}
