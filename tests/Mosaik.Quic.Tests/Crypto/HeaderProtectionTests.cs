using Mosaik.Quic.Crypto;
using Mosaik.Quic.Tests.Tls;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Parameters;
using AesInstructions = System.Runtime.Intrinsics.X86.Aes;

namespace Mosaik.Quic.Tests.Crypto;

/// <summary>The three implementations of header protection against each other and against RFC 8439.</summary>
public sealed class HeaderProtectionTests
{
    private const int Blocks = 100_000;

    [Theory]
    [InlineData(16)]
    [InlineData(32)]
    public void Instructions_and_transform_agree_on_random_blocks(int keyLength)
    {
        Assert.SkipUnless(AesInstructions.IsSupported, "the processor has no AES instructions");
        var random = new SeededRandom(0x5eed + (ulong)keyLength);
        var key = new byte[keyLength];
        var sample = new byte[HeaderProtection.SampleLength];
        var expected = new byte[HeaderProtection.MaskLength];
        var actual = new byte[HeaderProtection.MaskLength];
        const int BlocksPerKey = 100;
        for (var i = 0; i < Blocks / BlocksPerKey; i++)
        {
            random.Fill(key);
            using var transform = new AesTransformHeaderProtection(key);
            using var instructions = new AesInstructionsHeaderProtection(key);
            for (var j = 0; j < BlocksPerKey; j++)
            {
                random.Fill(sample);
                transform.ComputeMask(sample, expected);
                instructions.ComputeMask(sample, actual);
                Assert.True(expected.AsSpan().SequenceEqual(actual), Convert.ToHexString(key) + " " + Convert.ToHexString(sample));
            }
        }
    }

    // RFC 8439 §2.3.2 and Appendix A.1; the sample is the counter in little-endian order and the nonce.
    [Theory]
    [InlineData(
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "01000000000000090000004a00000000",
        "10f1e7e4d1")]
    [InlineData(
        "0000000000000000000000000000000000000000000000000000000000000000",
        "00000000000000000000000000000000",
        "76b8e0ada0")]
    [InlineData(
        "0000000000000000000000000000000000000000000000000000000000000000",
        "01000000000000000000000000000000",
        "9f07e7be55")]
    [InlineData(
        "0000000000000000000000000000000000000000000000000000000000000001",
        "01000000000000000000000000000000",
        "3aeb5224ec")]
    [InlineData(
        "00ff000000000000000000000000000000000000000000000000000000000000",
        "02000000000000000000000000000000",
        "72d54dfbf1")]
    [InlineData(
        "0000000000000000000000000000000000000000000000000000000000000000",
        "00000000000000000000000000000002",
        "c2c64d378c")]
    public void Chacha20_blocks_are_those_of_rfc_8439(string key, string sample, string mask)
    {
        using var protection = HeaderProtection.Create(CipherSuite.ChaCha20Poly1305Sha256, Convert.FromHexString(key));
        var actual = new byte[HeaderProtection.MaskLength];
        protection.ComputeMask(Convert.FromHexString(sample), actual);
        Assert.Equal(mask, Convert.ToHexStringLower(actual));
    }

    [Fact]
    public void Chacha20_agrees_with_another_implementation()
    {
        const int BlockLength = 64;
        var random = new SeededRandom(20);
        var key = new byte[32];
        var sample = new byte[HeaderProtection.SampleLength];
        var mask = new byte[HeaderProtection.MaskLength];
        for (var i = 0; i < 5_000; i++)
        {
            random.Fill(key);
            random.Fill(sample);
            // The other one starts at counter 0 and can only go on from there.
            var counter = (int)(random.Next() % 4);
            sample[0] = (byte)counter;
            sample.AsSpan(1, 3).Clear();
            var engine = new ChaCha7539Engine();
            engine.Init(true, new ParametersWithIV(new KeyParameter(key), sample, 4, 12));
            var stream = new byte[(counter + 1) * BlockLength];
            engine.ProcessBytes(new byte[stream.Length], stream);
            using var protection = new ChaCha20HeaderProtection(key);
            protection.ComputeMask(sample, mask);
            Assert.Equal(stream.AsSpan(counter * BlockLength, mask.Length).ToArray(), mask);
        }
    }

    [Theory]
    [InlineData(CipherSuite.Aes128GcmSha256)]
    [InlineData(CipherSuite.Aes256GcmSha384)]
    [InlineData(CipherSuite.ChaCha20Poly1305Sha256)]
    internal void Packet_paths_allocate_nothing(CipherSuite suite)
    {
        using var keys = PacketKeys.FromSecret(suite, new byte[suite.HashLength]);
        var packet = new byte[1200];
        Run(keys, packet, 64);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Run(keys, packet, 256);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        static void Run(PacketKeys keys, byte[] packet, int count)
        {
            for (var i = 0; i < count; i++)
            {
                packet[0] = 0x43;
                PacketProtection.Seal(keys, packet, 9, 4, (ulong)i);
                PacketProtection.TryRemoveHeaderProtection(keys.HeaderProtection, packet, 9, out _, out _);
                if (!keys.TryOpen((ulong)i, packet.AsSpan(0, 13), packet.AsSpan(13)))
                    throw new InvalidOperationException("a packet did not open");
            }
        }
    }

    [Fact]
    public void Short_packets_are_refused_and_unchanged()
    {
        using var keys = PacketKeys.FromSecret(CipherSuite.Aes128GcmSha256, new byte[32]);
        for (var length = 0; length < 29; length++)
        {
            var packet = new byte[length];
            Assert.False(PacketProtection.TryRemoveHeaderProtection(keys.HeaderProtection, packet, 9, out _, out _));
            Assert.All(packet, b => Assert.Equal(0, b));
        }
        Assert.True(PacketProtection.TryRemoveHeaderProtection(keys.HeaderProtection, new byte[29], 9, out _, out _));
        Assert.False(PacketProtection.TryRemoveHeaderProtection(keys.HeaderProtection, new byte[40], 0, out _, out _));
        Assert.False(keys.TryOpen(0, default, new byte[15]));
        Assert.Throws<ArgumentException>(() => PacketProtection.Seal(keys, new byte[28], 9, 1, 0));
    }

    [Fact]
    public void Limits_follow_the_suite()
    {
        using var aes = PacketKeys.FromSecret(CipherSuite.Aes256GcmSha384, new byte[48]);
        using var chaCha = PacketKeys.FromSecret(CipherSuite.ChaCha20Poly1305Sha256, new byte[32]);
        Assert.Equal((1UL << 23, 1UL << 52), (aes.ConfidentialityLimit, aes.IntegrityLimit));
        Assert.Equal((ulong.MaxValue, 1UL << 36), (chaCha.ConfidentialityLimit, chaCha.IntegrityLimit));
    }
}
