namespace Mosaik.Postcard.Tests;

/// <summary>
/// Structured mutation of valid images: whatever the bytes are, decoding ends with a result, within the memory bound of
/// spec/reliability.md LEN-9, and what canonical form accepts is exactly what encoding produces.
/// </summary>
public sealed class MutationTests
{
    private const int MutationsPerSample = 4_000;

    private static readonly byte[][] Boundaries =
    [
        [0x00], [0x01], [0x7F], [0x80, 0x00], [0xFF, 0xFF, 0x03], [0xFF, 0xFF, 0xFF, 0xFF, 0x0F],
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], [0x80, 0x80, 0x80, 0x80, 0x08], [0xFF, 0xFF, 0xFF, 0x7F],
        [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80],
    ];

    [Fact]
    public void Mutated_input_ends_in_a_result_within_bounds()
    {
        var random = new Random(20_251_009);
        var corpus = Samples.All.Select(static s => s.Encoded).ToArray();
        Assert.True(Samples.All.Count * MutationsPerSample >= 100_000);
        foreach (var sample in Samples.All)
        {
            sample.Decode(sample.Encoded, PostcardForm.Lenient);
            sample.Decode(sample.Encoded, PostcardForm.Canonical);
            var seed = sample.Encoded;
            for (var i = 0; i < MutationsPerSample; i++)
                seed = Try(sample, Mutate(i % 16 == 0 ? sample.Encoded : seed, corpus, random));
        }
    }

    private static byte[] Try(Samples.Sample sample, byte[] input)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var result = sample.Decode(input, PostcardForm.Lenient);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated <= (64L * input.Length) + 65_536,
            $"{sample.Name}: {allocated} bytes for {Convert.ToHexString(input)}");
        Assert.True(result.Offset >= 0 && result.Offset <= input.Length, $"{sample.Name}: {result} for {Convert.ToHexString(input)}");

        if (sample.Decode(input, PostcardForm.Canonical).IsSuccess && !sample.Name.Contains("Date", StringComparison.Ordinal)
            && !sample.Name.Contains("TimeSpan", StringComparison.Ordinal) && !sample.Name.Contains("Everything", StringComparison.Ordinal))
            Assert.Equal(Convert.ToHexString(input), Convert.ToHexString(sample.DecodeAndEncode(input, PostcardForm.Canonical)!));
        return input;
    }

    private static byte[] Mutate(byte[] input, byte[][] corpus, Random random)
    {
        var bytes = new List<byte>(input);
        for (var n = random.Next(1, 4); n > 0; n--)
        {
            var at = random.Next(bytes.Count + 1);
            switch (random.Next(7))
            {
                case 0 when at < bytes.Count:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1 when at < bytes.Count:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 3:
                    bytes.InsertRange(at, Boundaries[random.Next(Boundaries.Length)]);
                    break;
                case 4:
                    var other = corpus[random.Next(corpus.Length)];
                    bytes.InsertRange(at, other.AsSpan(random.Next(other.Length + 1)));
                    break;
                case 5:
                    var length = random.Next(bytes.Count - at + 1);
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(length, 64)));
                    break;
                default:
                    if (at < bytes.Count)
                        bytes.RemoveAt(at);
                    break;
            }
        }

        return bytes.Count > 4096 ? [.. bytes.Take(4096)] : [.. bytes];
    }

    [Fact]
    public void Time_and_memory_are_linear_for_one_byte_elements()
    {
        var input = new byte[100_004];
        input[0] = 0xA0;
        input[1] = 0x8D;
        input[2] = 0x06; // 100,000 elements
        Within<List<bool>>(input);
        Within<List<Wrapper>>(input);
        Within<List<string>>(input);
        Within<List<byte[]>>(input);
        Within<List<Optional<Order>>>(input);
        Within<HashSet<byte>>(input);
        Within<HashSet<ulong>>(input);
        Within<Queue<byte>>(input);
        Within<LinkedList<Side>>(input);
        Within<System.Collections.Immutable.ImmutableList<sbyte>>(input);
        Within<SortedSet<int>>(input);
    }

    private static void Within<T>(byte[] input)
    {
        Samples.Serializer.TryDecode<T>(input.AsSpan(0, 1), out _);
        Samples.Serializer.TryDecode<T>(input, out _);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.True(Samples.Serializer.TryDecode<T>(input, out _).IsSuccess);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated <= (64L * input.Length) + 65_536, $"{typeof(T)}: {allocated} bytes");
    }
}
