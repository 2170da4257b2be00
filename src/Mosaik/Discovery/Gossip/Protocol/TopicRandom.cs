using System.Buffers.Binary;
using System.Numerics;
using Mosaik.Quic;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>
/// The random sequence of one topic, derived from that of the instance: xoshiro256** (Blackman, Vigna). It chooses
/// neighbours and guards no secret.
/// </summary>
internal sealed class TopicRandom : RandomSource
{
    private ulong _s0;
    private ulong _s1;
    private ulong _s2;
    private ulong _s3;

    public TopicRandom(RandomSource instance)
    {
        _s0 = instance.NextUInt64();
        _s1 = instance.NextUInt64();
        _s2 = instance.NextUInt64();
        _s3 = instance.NextUInt64() | 1; // the state must not be zero
    }

    /// <inheritdoc/>
    public override void Fill(Span<byte> destination)
    {
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        while (!destination.IsEmpty)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(word, Next());
            int length = Math.Min(word.Length, destination.Length);
            word[..length].CopyTo(destination);
            destination = destination[length..];
        }
    }

    private ulong Next()
    {
        ulong result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
        ulong t = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= t;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }
}
