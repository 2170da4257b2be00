using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using Mosaik.Quic;

namespace Mosaik.Testing;

/// <summary>
/// Seeded randomness: xoshiro256** (Blackman, Vigna) seeded by SplitMix64, the same on every platform and release
/// (spec/reliability.md §3.1). Not thread-safe; it belongs to one owner.
/// </summary>
/// <remarks>
/// A world has one seed and splits it into named streams with <see cref="Stream"/>: a new draw in one place does not
/// shift the others.
/// </remarks>
public sealed class SimulationRandom : RandomSource
{
    private ulong _s0;
    private ulong _s1;
    private ulong _s2;
    private ulong _s3;

    /// <summary>The generator of a seed.</summary>
    /// <param name="seed">Any number.</param>
    public SimulationRandom(ulong seed)
    {
        Seed = seed;
        _s0 = SplitMix(ref seed);
        _s1 = SplitMix(ref seed);
        _s2 = SplitMix(ref seed);
        _s3 = SplitMix(ref seed);
    }

    /// <summary>The seed it was made from.</summary>
    public ulong Seed { get; }

    /// <summary>An independent generator for one purpose: <c>net</c>, <c>clock</c>, <c>node/3</c>, <c>keys</c> …</summary>
    /// <param name="name">The purpose.</param>
    /// <returns>The same generator for the same seed and name, however many draws there were.</returns>
    public SimulationRandom Stream(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var mixed = Seed ^ XxHash3.Hash(Encoding.UTF8.GetBytes(name));
        return new SimulationRandom(SplitMix(ref mixed));
    }

    /// <inheritdoc/>
    public override void Fill(Span<byte> destination)
    {
        while (destination.Length >= sizeof(ulong))
        {
            BinaryPrimitives.WriteUInt64LittleEndian(destination, Next());
            destination = destination[sizeof(ulong)..];
        }

        if (destination.IsEmpty)
            return;
        Span<byte> last = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(last, Next());
        last[..destination.Length].CopyTo(destination);
    }

    private static ulong SplitMix(ref ulong state)
    {
        state += 0x9e3779b97f4a7c15;
        var z = state;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    private ulong Next()
    {
        var result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
        var t = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= t;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }
}
