using System.Numerics;

namespace Mosaik.Quic.Tests.Tls;

/// <summary>A small seeded generator (splitmix64): the same seed, the same handshake.</summary>
internal sealed class SeededRandom(ulong seed) : RandomSource
{
    private ulong _state = seed;

    public override void Fill(Span<byte> destination)
    {
        for (var i = 0; i < destination.Length; i++)
            destination[i] = (byte)Next();
    }

    internal ulong Next()
    {
        _state += 0x9e3779b97f4a7c15;
        var z = _state;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return BitOperations.RotateLeft(z ^ (z >> 31), 17);
    }
}

/// <summary>Hands out recorded bytes once; a core that asks for more than was recorded fails the test.</summary>
internal sealed class FixedRandom(byte[] bytes) : RandomSource
{
    private int _used;

    public override void Fill(Span<byte> destination)
    {
        bytes.AsSpan(_used, destination.Length).CopyTo(destination);
        _used += destination.Length;
    }
}
