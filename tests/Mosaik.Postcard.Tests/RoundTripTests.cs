using System.Collections.Immutable;
using System.Text;
using CsCheck;

namespace Mosaik.Postcard.Tests;

public sealed class RoundTripTests
{
    private static readonly PostcardSerializer Serializer = Samples.Serializer;

    private static readonly Gen<string> Text =
        Gen.String.Select(static s => string.Concat(s.EnumerateRunes().Select(static r => r.ToString())));

    private static readonly Gen<UInt128> Wide = Gen.Select(Gen.ULong, Gen.ULong, static (a, b) => new UInt128(a, b));

    private static readonly Gen<Order> Orders = Gen.Select(
        Gen.ULong, Gen.UInt, Gen.UInt, Gen.Byte, Text, Gen.Long, static (a, b, c, d, e, f) => new Order(a, b, c, d, e, f));

    private static void Check<T>(Gen<T> gen, Func<T, T, bool> equal) => gen.Sample(value =>
    {
        var bytes = Serializer.Encode(value);
        var result = Serializer.TryDecode<T>([.. bytes, 0xFF], out var decoded);
        return result == new PostcardResult(PostcardError.None, bytes.Length) && equal(value, decoded!)
            && Serializer.TryDecode<T>(bytes, out _, PostcardForm.Canonical).IsSuccess;
    });

    private static void Check<T>(Gen<T> gen) => Check(gen, EqualityComparer<T>.Default.Equals);

    private static void CheckSequence<T, TElement>(Gen<T> gen)
        where T : IEnumerable<TElement> => Check(gen, static (a, b) => a.SequenceEqual(b));

    [Fact]
    public void Integers()
    {
        Check(Gen.UShort);
        Check(Gen.Short);
        Check(Gen.UInt);
        Check(Gen.Int);
        Check(Gen.ULong);
        Check(Gen.Long);
        Check(Gen.Byte);
        Check(Gen.SByte);
        Check(Wide);
        Check(Wide.Select(static w => (Int128)w));
        Check(Gen.ULong.Select(static w => (nuint)w));
        Check(Gen.Long.Select(static w => (nint)w));
    }

    [Fact]
    public void Every_length_of_varint()
    {
        for (var bits = 0; bits < 128; bits++)
        {
            foreach (var delta in new[] { -1, 0, 1 })
            {
                var value = (UInt128.One << bits) + (UInt128)(Int128)delta;
                Assert.Equal(value, Serializer.Decode<UInt128>(Serializer.Encode(value), PostcardForm.Canonical));
                Assert.Equal((ulong)value, Serializer.Decode<ulong>(Serializer.Encode((ulong)value), PostcardForm.Canonical));
                Assert.Equal((uint)value, Serializer.Decode<uint>(Serializer.Encode((uint)value), PostcardForm.Canonical));
                Assert.Equal((ushort)value, Serializer.Decode<ushort>(Serializer.Encode((ushort)value), PostcardForm.Canonical));
                Assert.Equal(Serializer.Encode((UInt128)(ulong)value), Serializer.Encode((ulong)value));
            }
        }
    }

    [Fact]
    public void Floats_keep_their_bits()
    {
        Check(Gen.UInt.Select(BitConverter.UInt32BitsToSingle),
            static (a, b) => BitConverter.SingleToUInt32Bits(a) == BitConverter.SingleToUInt32Bits(b));
        Check(Gen.ULong.Select(BitConverter.UInt64BitsToDouble),
            static (a, b) => BitConverter.DoubleToUInt64Bits(a) == BitConverter.DoubleToUInt64Bits(b));
    }

    [Fact]
    public void Text_and_chars()
    {
        Check(Text);
        Check(Gen.String[Gen.Char.AlphaNumeric, 0, 300]);
        Check(Gen.Int[0, 0x10FFFF].Where(Rune.IsValid).Select(static r => new Rune(r)));
    }

    [Fact]
    public void Times()
    {
        Check(Gen.Long[0, long.MaxValue].Select(static t => new TimeSpan(t)));
        Check(Gen.Long[0, DateTime.MaxValue.Ticks].Select(static t => new DateTimeOffset(t, TimeSpan.Zero)));
        Check(Gen.Long[0, DateTime.MaxValue.Ticks].Select(static t => new DateTime(t, DateTimeKind.Utc)));
    }

    [Fact]
    public void Records_and_options()
    {
        Check(Orders);
        Check(Gen.Int.Nullable());
        Check(Gen.Select(Gen.Byte, Text, static (a, b) => (a, b)));
        Check(Gen.Select(Gen.Bool, Gen.Byte, static (has, v) => has ? new Optional<byte>(v) : default));
    }

    [Fact]
    public void Sequences()
    {
        CheckSequence<int[], int>(Gen.Int.Array[0, 200]);
        CheckSequence<List<int>, int>(Gen.Int[-70, 70].List[0, 200]);
        CheckSequence<List<int>, int>(Gen.Int[-9000, 9000].List[0, 200]);
        CheckSequence<List<uint>, uint>(Gen.UInt.List[0, 200]);
        CheckSequence<List<uint>, uint>(Gen.UInt[0, 127].List[0, 200]);
        CheckSequence<List<ulong>, ulong>(Gen.ULong.List[0, 200]);
        CheckSequence<List<long>, long>(Gen.Long.List[0, 200]);
        CheckSequence<List<ushort>, ushort>(Gen.UShort.List[0, 200]);
        CheckSequence<List<string>, string>(Text.List[0, 20]);
        CheckSequence<Order[], Order>(Orders.Array[0, 20]);
        CheckSequence<double[], double>(Gen.Double[0, 1].Array[0, 50]);
        CheckSequence<Queue<short>, short>(Gen.Short.Array[0, 50].Select(static a => new Queue<short>(a)));
        CheckSequence<ImmutableList<short>, short>(Gen.Short.Array[0, 50].Select(static a => a.ToImmutableList()));
    }

    [Fact]
    public void Runs_of_integers_equal_their_numbers_one_by_one()
    {
        // Around every border of a varint length, in runs that begin and end anywhere within a vector.
        uint[] borders = [0, 1, 63, 64, 127, 128, 129, 8191, 8192, 16383, 16384, 16385, 1 << 21, (1 << 28) - 1, 1 << 28, uint.MaxValue];
        Gen.Select(Gen.Int[0, borders.Length - 1].Select(i => borders[i]).Array[0, 40], Gen.Int[0, 40], Gen.UInt[0, 300].Array[0, 80], static (a, n, b) =>
                (uint[])[.. Enumerable.Repeat(7u, n), .. a, .. b, .. Enumerable.Repeat(300u, n), .. a])
            .Sample(static values =>
            {
                var bytes = Serializer.Encode(values);
                var signed = Array.ConvertAll(values, static v => (int)v);
                var signedBytes = Serializer.Encode(signed);
                var expected = new PostcardWriter([]);
                var expectedSigned = new PostcardWriter([]);
                expected.WriteCount(values.Length);
                expectedSigned.WriteCount(values.Length);
                foreach (var value in values)
                {
                    expected.WriteUInt32(value);
                    expectedSigned.WriteInt32((int)value);
                }

                var equal = expected.Written.SequenceEqual(bytes) && expectedSigned.Written.SequenceEqual(signedBytes);
                expected.Dispose();
                expectedSigned.Dispose();
                return equal
                    && values.SequenceEqual(Serializer.Decode<uint[]>(bytes, PostcardForm.Canonical))
                    && signed.SequenceEqual(Serializer.Decode<int[]>(signedBytes, PostcardForm.Canonical));
            });
    }

    [Fact]
    public void Over_long_numbers_within_a_run_are_read_but_not_canonical()
    {
        byte[] bytes = [20, .. Enumerable.Range(0, 20).SelectMany(static i => i == 3 ? new byte[] { 0x85, 0x00 } : [0x80, 0x01])];
        var numbers = Serializer.Decode<uint[]>(bytes);
        Assert.Equal(Enumerable.Range(0, 20).Select(static i => i == 3 ? 5u : 128u), numbers);
        Assert.Equal(
            new PostcardResult(PostcardError.NotCanonical, 7), Serializer.TryDecode<uint[]>(bytes, out _, PostcardForm.Canonical));
    }

    [Fact]
    public void Sets_and_maps()
    {
        Check(Gen.UInt.HashSet[0, 50], static (a, b) => a.SetEquals(b));
        CheckSequence<SortedSet<int>, int>(Gen.Int.Array[0, 50].Select(static a => new SortedSet<int>(a)));
        Check(Gen.Dictionary(Gen.Int, Gen.Byte)[0, 50], static (a, b) => a.OrderBy(e => e.Key).SequenceEqual(b.OrderBy(e => e.Key)));
        CheckSequence<SortedDictionary<int, byte>, KeyValuePair<int, byte>>(
            Gen.Dictionary(Gen.Int, Gen.Byte)[0, 50].Select(static d => new SortedDictionary<int, byte>(d)));
    }

    [Fact]
    public void Large_collections_grow_with_what_is_read()
    {
        var numbers = Enumerable.Range(0, 1_000_000).ToList();
        Assert.Equal(numbers, Serializer.Decode<List<int>>(Serializer.Encode(numbers)));
        Assert.Equal(numbers, Serializer.Decode<int[]>(Serializer.Encode(numbers.ToArray())));
        var set = numbers.ToHashSet();
        Assert.True(set.SetEquals(Serializer.Decode<HashSet<int>>(Serializer.Encode(set))));
        var map = numbers.Take(200_000).ToImmutableSortedDictionary(static n => n, static n => -n);
        Assert.Equal(map, Serializer.Decode<ImmutableSortedDictionary<int, int>>(Serializer.Encode(map)));
    }

    [Fact]
    public void Every_sample_comes_back_to_the_same_bytes()
    {
        foreach (var sample in Samples.All)
            Assert.Equal(sample.Encoded, sample.DecodeAndEncode(sample.Encoded, PostcardForm.Canonical));
    }

    [Fact]
    public void Bytes_behind_the_value_are_ignored_in_lenient_form_only()
    {
        foreach (var sample in Samples.All)
        {
            byte[] longer = [.. sample.Encoded, 1];
            Assert.Equal(new PostcardResult(PostcardError.None, longer.Length - 1), sample.Decode(longer, PostcardForm.Lenient));
            Assert.Equal(PostcardError.NotCanonical, sample.Decode(longer, PostcardForm.Canonical).Error);
        }
    }
}
