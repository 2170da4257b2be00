namespace Mosaik.Quic.Tests.Recovery;

/// <summary>A small seeded generator (splitmix64): the same seed gives the same bytes on every machine.</summary>
internal sealed class TestRandom(ulong seed) : RandomSource
{
    private ulong _state = seed;

    public override void Fill(Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            ulong z = _state += 0x9e3779b97f4a7c15;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
            z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
            z ^= z >> 31;
            for (int i = 0; i < 8 && !destination.IsEmpty; i++, z >>= 8)
            {
                destination[0] = (byte)z;
                destination = destination[1..];
            }
        }
    }
}
