namespace Mosaik.Quic.Tests.Crypto;

/// <summary>The store of random bytes in front of the generator.</summary>
public sealed class CryptographicRandomTests
{
    [Fact]
    public void Never_gives_the_same_bytes_twice_whatever_the_lengths()
    {
        // All lengths around the store and its direct path, on several threads; every 8 bytes of output are distinct.
        var seen = new System.Collections.Concurrent.ConcurrentDictionary<ulong, bool>();
        Parallel.For(0, 8, _ =>
        {
            for (var length = 8; length <= 1_100; length++)
            {
                var bytes = new byte[length];
                RandomSource.Cryptographic.Fill(bytes);
                for (var at = 0; at + 8 <= length; at += 8)
                    Assert.True(seen.TryAdd(BitConverter.ToUInt64(bytes, at), true));
            }
        });
    }

    [Fact]
    public void Fills_every_byte_of_short_requests()
    {
        for (var length = 0; length <= 80; length++)
        {
            var any = new byte[length];
            for (var round = 0; round < 40; round++)
            {
                var bytes = new byte[length];
                RandomSource.Cryptographic.Fill(bytes);
                for (var i = 0; i < length; i++)
                    any[i] |= bytes[i];
            }
            // Zero forty times in a row has a chance of 2⁻³²⁰ per byte.
            Assert.DoesNotContain((byte)0, any);
        }
    }
}
