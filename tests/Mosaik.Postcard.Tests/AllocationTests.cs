using System.Buffers;

namespace Mosaik.Postcard.Tests;

/// <summary>What codecs allocate. Some rent two arrays of one size, which tests beside them could take out of the shared pool.</summary>
[Collection(nameof(AllocationTests))]
[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
public sealed class AllocationTests
{
    private sealed class FixedOutput(int size) : IBufferWriter<byte>
    {
        private readonly byte[] _buffer = new byte[size];

        public void Advance(int count)
        {
        }

        public Memory<byte> GetMemory(int sizeHint = 0) => _buffer;

        public Span<byte> GetSpan(int sizeHint = 0) => sizeHint <= 64 ? _buffer.AsSpan(0, 64) : _buffer;
    }

    [Fact]
    public void Writing_allocates_nothing()
    {
        Writes(new Order(ulong.MaxValue, 5, 7, 1, "BONDBOND", -1));
        Writes(new Tree(1, [new(2, []), new(3, [])]));
        Writes<Shape>(new Shape.Square(5, "a"));
        Writes(Enumerable.Range(0, 1000).ToList());
        Writes(Enumerable.Range(0, 1000).ToArray());
        Writes(Enumerable.Range(0, 1000).Reverse().ToHashSet());
        Writes(Enumerable.Range(0, 100).Reverse().ToDictionary(static i => i, static i => i.ToString("D", null)));
        Writes(new Queue<int>([1, 2, 3]));
        Writes(new Optional<int>(4));
        Writes<(int, string)>((1, "one"));
        Writes(TimeSpan.FromSeconds(3));
        Writes(DateTimeOffset.UnixEpoch);
        Writes(new System.Net.IPEndPoint(System.Net.IPAddress.IPv6Loopback, 1));
        Writes(Side.Sell);
    }

    private static void Writes<T>(T value)
    {
        var converter = Samples.Serializer.GetConverter<T>();
        var output = new FixedOutput(16_384);
        for (var i = 0; i < 50; i++)
            converter.Encode(output, in value);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
            converter.Encode(output, in value);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Reading_allocates_the_value_only()
    {
        var converter = Samples.Serializer.GetConverter<Order>();
        var bytes = converter.Encode(new Order(300, 5, 7, 1, "BONDBOND", -1));
        for (var i = 0; i < 50; i++)
            converter.TryDecode(bytes, out _);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
            converter.TryDecode(bytes, out _);
        Assert.Equal(100 * 96, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
