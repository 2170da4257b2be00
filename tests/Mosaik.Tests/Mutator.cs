using Mosaik.Quic;

namespace Mosaik.Tests;

/// <summary>Hostile variants of a good input: flipped, replaced, inserted, removed, repeated and cut bytes.</summary>
internal static class Mutator
{
    private static readonly byte[] Interesting = [0x00, 0x01, 0x02, 0x03, 0x7f, 0x80, 0x81, 0xfe, 0xff];

    public static IEnumerable<byte[]> Mutate(byte[] image, int count, ulong seed, int from = 0)
    {
        RandomSource random = new SeededRandom(seed);
        for (int i = 0; i < count; i++)
        {
            var bytes = new List<byte>(image);
            int changes = 1 + random.NextBelow(4);
            for (int c = 0; c < changes && bytes.Count > from; c++)
                Change(bytes, from + random.NextBelow(bytes.Count - from), random);
            yield return [.. bytes];
        }
    }

    private static void Change(List<byte> bytes, int at, RandomSource random)
    {
        switch (random.NextBelow(7))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.NextBelow(8));
                break;
            case 1:
                bytes[at] = Interesting[random.NextBelow(Interesting.Length)];
                break;
            case 2:
                bytes[at] = (byte)random.NextBelow(256);
                break;
            case 3:
                bytes.Insert(at, Interesting[random.NextBelow(Interesting.Length)]);
                break;
            case 4:
                bytes.RemoveAt(at);
                break;
            case 5:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            default:
                int length = Math.Min(1 + random.NextBelow(40), bytes.Count - at);
                bytes.InsertRange(at, bytes.GetRange(at, length));
                break;
        }
    }
}
