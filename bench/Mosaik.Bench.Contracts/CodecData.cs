namespace Mosaik.Bench.Contracts;

/// <summary>The values of X1. Every side copies them into its own annotated types.</summary>
public static class CodecData
{
    public static readonly (ulong Id, uint Price, uint Amount, byte Side, string Symbol, long Time) Order =
        (123_456_789, 3812, 250, 1, "ETH-USDC", 1_760_000_000_000);

    /// <summary>About 300 bytes: a key, versions, a name, addresses and tags.</summary>
    public static readonly (byte[] Key, ulong Version, long Started, string Name, string[] Addresses, byte[][] Tags) Entry =
        (Bytes(32, 1), 1_760_000_000_000, 1_759_999_000_000, "validator-eu-west-17", ["10.20.30.40:4433", "192.168.1.17:4433",
            "https://relay.example.com./"], [Bytes(32, 2), Bytes(32, 3), Bytes(32, 4), Bytes(32, 5)]);

    /// <summary>
    /// The numbers 0 to 999 in no order: quantities, prices, counts, ids of a small set, as most lists of integers in
    /// messages are. As zigzag varints 936 of them take two bytes and 64 one byte, in an order that cannot be predicted.
    /// </summary>
    public static readonly int[] Below1000 = Shuffled(1000);

    /// <summary>Small numbers: one byte each.</summary>
    public static readonly int[] Small = [.. Enumerable.Range(0, 1000).Select(static i => (i % 127) - 63)];

    /// <summary>Numbers of all magnitudes: 1 to 5 bytes, unpredictable.</summary>
    public static readonly int[] Mixed = MakeMixed();

    private static byte[] Bytes(int length, byte seed) => [.. Enumerable.Range(0, length).Select(i => (byte)((i * 37) ^ (seed * 101)))];

    private static int[] MakeMixed()
    {
        var state = 0x9E37_79B9u;
        var numbers = new int[1000];
        for (var i = 0; i < numbers.Length; i++)
        {
            state = Next(state);
            numbers[i] = (int)state >> (int)((state >> 7) % 31);
        }

        return numbers;
    }

    private static int[] Shuffled(int count)
    {
        var state = 0x9E37_79B9u;
        var numbers = Enumerable.Range(0, count).ToArray();
        for (var i = numbers.Length - 1; i > 0; i--)
        {
            state = Next(state);
            var other = (int)((state >> 8) % (uint)(i + 1));
            (numbers[i], numbers[other]) = (numbers[other], numbers[i]);
        }

        return numbers;
    }

    private static uint Next(uint state) => (state * 1_664_525) + 1_013_904_223;
}
