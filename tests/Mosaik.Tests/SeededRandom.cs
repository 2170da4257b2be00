using Mosaik.Quic;

namespace Mosaik.Tests;

/// <summary>A small deterministic source (splitmix64) for tests that need any fixed randomness.</summary>
internal sealed class SeededRandom(ulong seed) : RandomSource
{
    private ulong _state = seed;

    public override void Fill(Span<byte> destination)
    {
        for (int i = 0; i < destination.Length; i++)
        {
            _state += 0x9E3779B97F4A7C15;
            ulong z = (_state ^ (_state >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            destination[i] = (byte)(z ^ (z >> 31));
        }
    }
}
