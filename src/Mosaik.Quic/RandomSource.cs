using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;

namespace Mosaik.Quic;

/// <summary>
/// Where random bytes come from. Protocol cores never make their own randomness: production passes
/// <see cref="Cryptographic"/>, a simulation passes a seeded generator, so that a run is a function of its seed
/// (spec/reliability.md §3.1).
/// </summary>
/// <remarks>
/// <see cref="Cryptographic"/> is safe for any number of threads. A seeded source need not be: it belongs to one owner.
/// </remarks>
public abstract class RandomSource
{
    /// <summary>
    /// The cryptographic generator of the operating system, the only one the product uses in production.
    /// </summary>
    public static RandomSource Cryptographic { get; } = new CryptographicSource();

    /// <summary>Fills <paramref name="destination"/> with random bytes.</summary>
    public abstract void Fill(Span<byte> destination);

    /// <summary>A uniformly distributed 64-bit number (eight bytes of <see cref="Fill"/>, little-endian).</summary>
    public ulong NextUInt64()
    {
        Span<byte> bytes = stackalloc byte[8];
        Fill(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    /// <summary>A uniformly distributed number in [0, 1) with 53 random bits.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>
    /// A uniformly distributed number in [0, <paramref name="exclusiveMax"/>), without modulo bias.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="exclusiveMax"/> is 0.</exception>
    public ulong NextBelow(ulong exclusiveMax)
    {
        ArgumentOutOfRangeException.ThrowIfZero(exclusiveMax);

        // Rejection within the smallest power of two that covers the range: at most two draws on average.
        var mask = exclusiveMax == 1 ? 0 : ulong.MaxValue >> BitOperations.LeadingZeroCount(exclusiveMax - 1);
        ulong value;
        do
            value = NextUInt64() & mask;
        while (value >= exclusiveMax);
        return value;
    }

    /// <summary>A uniformly distributed number in [0, <paramref name="exclusiveMax"/>).</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="exclusiveMax"/> is not positive.</exception>
    public int NextBelow(int exclusiveMax)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(exclusiveMax);
        return (int)NextBelow((ulong)exclusiveMax);
    }

    /// <summary>
    /// The generator of the operating system, asked for many bytes at once: most requests are for a few bytes, and a
    /// call costs as much as hundreds of them.
    /// </summary>
    /// <remarks>
    /// Every thread has its own store, so there is no lock and no byte is given out twice; bytes are zeroed as they are
    /// given out. A .NET process does not fork, so a store is never copied.
    /// </remarks>
    private sealed class CryptographicSource : RandomSource
    {
        private const int StoreLength = 512;

        // Longer requests go straight to the generator.
        private const int LongestFromStore = 64;

        [ThreadStatic]
        private static byte[]? Store;

        // How many bytes at the end of the store were not given out yet.
        [ThreadStatic]
        private static int Left;

        public override void Fill(Span<byte> destination)
        {
            if (destination.Length > LongestFromStore)
            {
                RandomNumberGenerator.Fill(destination);
                return;
            }
            var store = Store ??= new byte[StoreLength];
            if (Left < destination.Length)
            {
                RandomNumberGenerator.Fill(store);
                Left = StoreLength;
            }
            var source = store.AsSpan(StoreLength - Left, destination.Length);
            source.CopyTo(destination);
            CryptographicOperations.ZeroMemory(source);
            Left -= destination.Length;
        }
    }
}
