using System.Buffers;
using System.Collections.Immutable;

namespace Mosaik.Postcard.Tests;

public sealed class MalformedTests
{
    private static readonly PostcardSerializer Serializer = Samples.Serializer;

    private static PostcardResult Decode<T>(string hex, PostcardForm form = PostcardForm.Lenient) =>
        Serializer.TryDecode<T>(Convert.FromHexString(hex), out _, form);

    private static void Refuses<T>(string hex, PostcardError error, int offset, PostcardForm form = PostcardForm.Lenient) =>
        Assert.Equal(new PostcardResult(error, offset), Decode<T>(hex, form));

    [Fact]
    public void Every_truncation_is_end_of_input()
    {
        foreach (var sample in Samples.All)
        {
            var bytes = sample.Encoded;
            for (var length = 0; length < bytes.Length; length++)
                Assert.Equal(PostcardError.EndOfInput, sample.Decode(bytes.AsSpan(0, length), PostcardForm.Lenient).Error);
        }
    }

    [Fact]
    public void Errors_carry_the_offset_of_the_refused_item()
    {
        Refuses<(byte, bool)>("0702", PostcardError.InvalidBool, 1);
        Refuses<(byte, int?)>("070205", PostcardError.InvalidOption, 1);
        Refuses<(byte, Shape)>("0703", PostcardError.InvalidVariant, 1);
        Refuses<(byte, Shape)>("0702", PostcardError.InvalidVariant, 1);
        Refuses<(byte, string)>("0702c328", PostcardError.InvalidUtf8, 1);
        Refuses<(byte, ushort)>("07ffff04", PostcardError.VarintRange, 1);
        Refuses<(byte, List<uint>)>("07020102", PostcardError.None, 4);
        Refuses<(byte, List<uint>)>("0703010280", PostcardError.EndOfInput, 4);
    }

    [Theory]
    [InlineData("ffffffffffffffffff01")]
    [InlineData("ffffffff7f")]
    [InlineData("8080808010")]
    public void Claims_beyond_the_input_take_no_memory(string count)
    {
        Decode<List<ulong>>("00");
        Decode<Dictionary<ulong, ulong>>("00");
        Decode<HashSet<string>>("00");
        var before = GC.GetAllocatedBytesForCurrentThread();
        var input = Convert.FromHexString(count + "0102");
        var results = (
            Serializer.TryDecode<List<ulong>>(input, out _).Error,
            Serializer.TryDecode<Dictionary<ulong, ulong>>(input, out _).Error,
            Serializer.TryDecode<HashSet<string>>(input, out _).Error,
            Serializer.TryDecode<byte[]>(input, out _).Error);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1024);
        Assert.Equal(
            (PostcardError.EndOfInput, PostcardError.EndOfInput, PostcardError.EndOfInput, PostcardError.EndOfInput), results);
    }

    [Fact]
    public void Counts_are_checked_against_the_smallest_element()
    {
        // 3 claimed elements of at least 32 bytes each, 64 bytes left.
        Refuses<List<Key32>>("03" + new string('0', 128), PostcardError.EndOfInput, 0);
        Refuses<List<double>>("02" + new string('0', 30), PostcardError.EndOfInput, 0);
    }

    [Fact]
    public void Empty_elements_are_limited()
    {
        Assert.Equal(PostcardError.TooLarge, Decode<List<Unit>>("818004").Error);
        Assert.Equal(PostcardError.TooLarge, Decode<List<Unit>>("ffffffff0f").Error);
        Assert.True(Decode<List<Unit>>("8001").IsSuccess);
        Assert.True(Decode<List<ValueTuple>>("808004").IsSuccess);
        Assert.Equal(PostcardError.TooLarge, Decode<List<ValueTuple>>("818004").Error);
    }

    [Fact]
    public void Nesting_of_64_is_read_and_65_refused()
    {
        var deepest = Enumerable.Range(0, 64).Aggregate<int, Chain?>(null, static (next, _) => new Chain(0, next))!;
        var bytes = Serializer.Encode(deepest);
        Assert.True(Serializer.TryDecode<Chain>(bytes, out _).IsSuccess);
        Assert.Throws<PostcardEncodeException>(() => Serializer.Encode(new Chain(0, deepest)));
        byte[] deeper = [0, 1, .. bytes];
        Assert.Equal(PostcardError.TooDeep, Serializer.TryDecode<Chain>(deeper, out _).Error);
        Assert.Equal(PostcardError.TooDeep, Serializer.TryDecode<Tree>(Enumerable.Repeat((byte)1, 1000).ToArray(), out _).Error);
    }

    [Fact]
    public void Over_long_varints_are_read_but_not_canonical()
    {
        Assert.True(Decode<uint>("8000").IsSuccess);
        Refuses<uint>("8000", PostcardError.NotCanonical, 0, PostcardForm.Canonical);
        Refuses<(byte, ulong)>("07ff80808080808080808000", PostcardError.VarintRange, 1);
        Refuses<(byte, ulong)>("07ff808080808080808000", PostcardError.NotCanonical, 1, PostcardForm.Canonical);
        Refuses<(byte, UInt128)>("078000", PostcardError.NotCanonical, 1, PostcardForm.Canonical);
        Refuses<List<byte>>("810001", PostcardError.NotCanonical, 0, PostcardForm.Canonical);
    }

    [Fact]
    public void Unsorted_and_duplicate_entries_collapse_but_are_not_canonical()
    {
        Assert.Equal<byte>([1, 2], Serializer.Decode<HashSet<byte>>([3, 2, 1, 2]).Order());
        Assert.Equal([1, 2], Serializer.Decode<SortedSet<byte>>([3, 2, 1, 2]));
        Assert.Equal([1, 2], Serializer.Decode<ImmutableSortedSet<byte>>([3, 2, 1, 2]));
        byte[] map = [3, 2, 10, 1, 11, 2, 12];
        Assert.Equal(12, Serializer.Decode<Dictionary<byte, byte>>(map)[2]);
        Assert.Equal(12, Serializer.Decode<SortedDictionary<byte, byte>>(map)[2]);
        Assert.Equal(12, Serializer.Decode<ImmutableDictionary<byte, byte>>(map)[2]);
        Assert.Equal(12, Serializer.Decode<ImmutableSortedDictionary<byte, byte>>(map)[2]);
        Refuses<HashSet<byte>>("020201", PostcardError.NotCanonical, 2, PostcardForm.Canonical);
        Refuses<HashSet<byte>>("020101", PostcardError.NotCanonical, 2, PostcardForm.Canonical);
        Refuses<SortedSet<byte>>("020201", PostcardError.NotCanonical, 2, PostcardForm.Canonical);
        Refuses<ImmutableHashSet<byte>>("020201", PostcardError.NotCanonical, 2, PostcardForm.Canonical);
        Refuses<Dictionary<byte, byte>>("0202000100", PostcardError.NotCanonical, 3, PostcardForm.Canonical);
        Refuses<SortedDictionary<byte, byte>>("0202000100", PostcardError.NotCanonical, 3, PostcardForm.Canonical);
    }

    [Theory]
    [InlineData("2025-10-09T08:53:20")]
    [InlineData("2025-10-09 08:53")]
    [InlineData("2025-13-09T08:53:20Z")]
    [InlineData("2025-02-29T08:53:20Z")]
    [InlineData("2025-10-09T24:53:20Z")]
    [InlineData("2025-10-09T08:60:20Z")]
    [InlineData("2025-10-09T08:53:61Z")]
    [InlineData("2025-10-09T08:53:20.Z")]
    [InlineData("2025-10-09T08:53:20+2:00")]
    [InlineData("2025-10-09T08:53:20ZZ")]
    [InlineData("0000-10-09T08:53:20Z")]
    [InlineData("0001-01-01T00:00:00+01:00")]
    [InlineData("9999-12-31T23:59:59-01:00")]
    [InlineData("+2025-10-09T08:53:20Z")]
    [InlineData("")]
    public void Unparsable_timestamps_are_refused(string text)
    {
        var bytes = Serializer.Encode(text);
        Assert.Equal(new PostcardResult(PostcardError.InvalidValue, 0), Serializer.TryDecode<DateTimeOffset>(bytes, out _));
        Assert.Equal(new PostcardResult(PostcardError.InvalidValue, 0), Serializer.TryDecode<DateTime>(bytes, out _));
    }

    [Theory]
    [InlineData("2025-10-09T08:53:20.1Z", 1_000_000)]
    [InlineData("2025-10-09t08:53:20.12345678999z", 1_234_567)]
    [InlineData("2025-10-09T10:53:20.5+02:00", 5_000_000)]
    [InlineData("2025-10-09T06:23:20.5-02:30", 5_000_000)]
    public void Fractions_are_truncated_and_offsets_applied(string text, long ticks) => Assert.Equal(
        new DateTimeOffset(2025, 10, 9, 8, 53, 20, TimeSpan.Zero).AddTicks(ticks),
        Serializer.Decode<DateTimeOffset>(Serializer.Encode(text)));

    [Fact]
    public void Durations_beyond_the_clr_type_are_refused()
    {
        Refuses<TimeSpan>("ffffffffffffffffff0100", PostcardError.InvalidValue, 0);
        Refuses<TimeSpan>("ffffffffffffffffff01ffffffff0f", PostcardError.InvalidValue, 0);
        Assert.Equal(TimeSpan.MaxValue, Serializer.Decode<TimeSpan>(Serializer.Encode(TimeSpan.MaxValue)));
    }

    [Fact]
    public void Values_a_constructor_refuses_are_invalid()
    {
        Refuses<Picky>("01", PostcardError.InvalidValue, 1);
        var exception = Assert.Throws<PostcardDecodeException>(() => Serializer.Decode<Picky>([1]));
        Assert.Equal((typeof(Picky), PostcardError.InvalidValue, 1), (exception.TargetType, exception.Error, exception.Offset));
    }

    [Fact]
    public void Unencodable_values_leave_nothing_behind()
    {
        Nothing(("x", "\ud800"));
        Nothing(("x", new string('a', 100) + "\udc00"));
        Nothing(("x", TimeSpan.FromTicks(-1)));
        Nothing(("x", (Side)3));
        Nothing(("x", (Side)(-1)));
        Nothing(("x", default(ImmutableArray<int>)));
        Nothing(("x", DateTime.SpecifyKind(DateTime.UnixEpoch, DateTimeKind.Local)));
        Nothing<(string, Shape)>(("x", new Shape.Stranger()));
        Nothing<(string, string)>(("x", null!));
        Nothing<(string, List<string>)>(("x", [null!]));
        Nothing<(string, Order)>(("x", null!));
        Nothing<Order>(null!);
    }

    private static void Nothing<T>(T value)
    {
        var output = new ArrayBufferWriter<byte>();
        Assert.Throws<PostcardEncodeException>(() => Serializer.Encode(output, value));
        Assert.Equal(0, output.WrittenCount);
    }
}
