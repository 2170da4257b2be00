namespace Mosaik.Quic.Tests.Wire;

/// <summary>A small reproducible generator (SplitMix64) for corpora and mutations.</summary>
internal sealed class SeededRandom(ulong seed)
{
    private ulong _state = seed;

    internal ulong Next()
    {
        ulong z = _state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    internal int Below(int limit) => (int)(Next() % (ulong)limit);

    internal bool Chance(double probability) => Next() < probability * ulong.MaxValue;

    /// <summary>A varint-sized number whose encoded length is uniform rather than its value.</summary>
    internal ulong VarIntValue() => Next() >> (2 + Below(62));

    internal byte[] Bytes(int length)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++)
            bytes[i] = (byte)Next();
        return bytes;
    }
}
