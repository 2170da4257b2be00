namespace Mosaik.Quic.Tests.Wire;

/// <summary>Mutates valid inputs: flip, cut, splice, repeat, boundary integers (spec/reliability.md §15).</summary>
internal static class Mutator
{
    private static readonly byte[][] Boundaries =
    [
        [0x00], [0x3f], [0x40], [0x7f, 0xff], [0x80, 0, 0, 0], [0xbf, 0xff, 0xff, 0xff], [0xc0, 0, 0, 0, 0, 0, 0, 0],
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0xd0, 0, 0, 0, 0, 0, 0, 0], [0xd0, 0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0], [0, 0, 0, 1], [0x15], [0x14], [0xff],
    ];

    internal static byte[] Mutate(byte[][] corpus, SeededRandom random)
    {
        byte[] input = (byte[])corpus[random.Below(corpus.Length)].Clone();
        for (int step = random.Below(4); step >= 0; step--)
            input = Step(input, corpus, random);
        return input;
    }

    private static byte[] Step(byte[] input, byte[][] corpus, SeededRandom random)
    {
        // Headers are where decoders decide; half of all positions are near the start.
        int at = random.Chance(0.5) ? Math.Min(random.Below(48), input.Length) : random.Below(input.Length + 1);
        switch (random.Below(6))
        {
            case 0 when at < input.Length:
                input[at] ^= (byte)(1 << random.Below(8));
                return input;
            case 1 when at < input.Length:
                input[at] = (byte)random.Next();
                return input;
            case 2:
                return input[..at];
            case 3:
                byte[] boundary = Boundaries[random.Below(Boundaries.Length)];
                return [.. input.AsSpan(0, at), .. boundary,
                    .. input.AsSpan(Math.Min(input.Length, at + (random.Chance(0.5) ? boundary.Length : 0)))];
            case 4:
                byte[] other = corpus[random.Below(corpus.Length)];
                return [.. input.AsSpan(0, at), .. other.AsSpan(random.Below(other.Length + 1))];
            default:
                int length = Math.Min(random.Below(40), input.Length - at);
                return [.. input.AsSpan(0, at), .. input.AsSpan(at, length), .. input.AsSpan(at)];
        }
    }
}
