using CsCheck;

namespace Mosaik.Postcard.Tests;

/// <summary>Long runs of integers, which go by vectors, against the same integers one by one.</summary>
public sealed class VarintRunTests
{
    private const int MaxLength = 100;

    private static readonly PostcardSerializer Serializer = Samples.Serializer;

    private delegate void WriteOne<in T>(ref PostcardWriter writer, T value);

    private delegate bool ReadOne<T>(ref PostcardReader reader, out T value);

    // Mostly short numbers, with stretches of one size, and every now and then a long one.
    private static Gen<ulong[]> Runs { get; } = Gen.Select(Gen.ULong, Gen.Int[0, 11], static (value, kind) => kind switch
        {
            0 => value,
            1 => value >> 40,
            2 => value % (1 << 15),
            3 or 4 or 5 => value & 0x7F,
            6 => 0x3FFF - (value & 3),
            7 => 0UL - (value & 0x3FFF),
            _ => value & 0x3FFF,
        })
        .Array[0, MaxLength].SelectMany(static mixed => Gen.Int[0, 3].Select(kind => kind switch
        {
            0 => Array.ConvertAll(mixed, static v => v & 0x3F),
            1 => Array.ConvertAll(mixed, static v => 0x80 | (v & 0x1FFF)),
            2 => Array.ConvertAll(mixed, static v => v & 0x3FFF),
            _ => mixed,
        }));

    private static Gen<byte[]> Images { get; } = Gen.Select(Gen.Byte, Gen.Int[0, 30], static (value, kind) => kind switch
        {
            0 => value,
            1 => (byte)0x80,
            2 => (byte)0,
            < 14 => (byte)(value | 0x80),
            _ => (byte)(value & 0x7F),
        })
        .Array[0, 2 * MaxLength].SelectMany(static mixed => Gen.Bool.Select(alternate => alternate
            ? [.. mixed.Select(static (b, i) => (i & 1) == 0 ? (byte)(b | 0x80) : (byte)(b & 0x7F))]
            : mixed));

    [Fact]
    public void Sixteen_bits()
    {
        Check(static v => (ushort)v, static (ref w, v) => w.WriteUInt16(v), static (ref r, out v) => r.TryReadUInt16(out v));
        Check(static v => (short)v, static (ref w, v) => w.WriteInt16(v), static (ref r, out v) => r.TryReadInt16(out v));
    }

    [Fact]
    public void Thirty_two_bits()
    {
        Check(static v => (uint)v, static (ref w, v) => w.WriteUInt32(v), static (ref r, out v) => r.TryReadUInt32(out v));
        Check(static v => (int)v, static (ref w, v) => w.WriteInt32(v), static (ref r, out v) => r.TryReadInt32(out v));
    }

    [Fact]
    public void Sixty_four_bits()
    {
        Check(static v => v, static (ref w, v) => w.WriteUInt64(v), static (ref r, out v) => r.TryReadUInt64(out v));
        Check(static v => (long)v, static (ref w, v) => w.WriteInt64(v), static (ref r, out v) => r.TryReadInt64(out v));
    }

    [Fact]
    public void Every_short_number_at_every_place()
    {
        for (var number = -0x2100; number <= 0x4100; number += number is > -0x90 and < 0x110 ? 1 : 97)
        {
            for (var place = 0; place < 33; place++)
            {
                var numbers = new int[33];
                Array.Fill(numbers, place % 2 == 0 ? 1 : 1000);
                numbers[place] = number;
                var image = Serializer.Encode(numbers);
                Assert.Equal(OneByOne(numbers, static (ref w, v) => w.WriteInt32(v)), image);
                Assert.Equal(numbers, Serializer.Decode<int[]>(image, PostcardForm.Canonical));
            }
        }
    }

    [Fact]
    public void An_overlong_number_is_refused_only_in_canonical_form_and_at_its_place()
    {
        for (var place = 0; place < 40; place++)
        {
            byte[] image = [40, .. Enumerable.Repeat((byte)5, place), 0x85, 0x00, .. Enumerable.Repeat((byte)5, 39 - place)];
            Assert.Equal(Enumerable.Repeat(5u, 40), Serializer.Decode<uint[]>(image));
            Assert.Equal(
                new PostcardResult(PostcardError.NotCanonical, 1 + place),
                Serializer.TryDecode<uint[]>(image, out _, PostcardForm.Canonical));
        }
    }

    [Fact]
    public void A_number_out_of_range_is_refused_at_its_place()
    {
        for (var place = 0; place < 40; place++)
        {
            byte[] image = [40, .. Enumerable.Repeat((byte)5, place), 0x80, 0x80, 0x04, .. Enumerable.Repeat((byte)5, 39 - place)];
            Assert.Equal(
                new PostcardResult(PostcardError.VarintRange, 1 + place), Serializer.TryDecode<ushort[]>(image, out _));
        }
    }

    private static void Check<T>(Func<ulong, T> narrow, WriteOne<T> write, ReadOne<T> read)
    {
        Runs.Sample(run =>
        {
            var numbers = Array.ConvertAll(run, v => narrow(v));
            var image = Serializer.Encode(numbers);
            return image.AsSpan().SequenceEqual(OneByOne(numbers, write))
                && Serializer.Decode<T[]>(image, PostcardForm.Canonical).AsSpan().SequenceEqual(numbers)
                && Serializer.Decode<List<T>>([.. image, 0x80, 0x80]).SequenceEqual(numbers);
        });
        Gen.Select(Images, Gen.Int[0, MaxLength]).Sample((content, count) =>
        {
            byte[] image = [(byte)count, .. content];
            return Agrees(image, count, PostcardForm.Lenient, read) && Agrees(image, count, PostcardForm.Canonical, read);
        });
    }

    private static bool Agrees<T>(byte[] image, int count, PostcardForm form, ReadOne<T> read)
    {
        var result = Serializer.TryDecode<T[]>(image, out var numbers, form);
        // A count that the input cannot cover is refused before anything is read.
        if (count > image.Length - 1)
            return !result.IsSuccess;
        var reader = new PostcardReader(image, form);
        reader.TryReadByte(out _);
        var expected = new T[count];
        foreach (ref var number in expected.AsSpan())
        {
            if (!read(ref reader, out number))
                return result == new PostcardResult(reader.Error, reader.ErrorOffset);
        }

        return form == PostcardForm.Canonical && !reader.IsAtEnd
            ? result == new PostcardResult(PostcardError.NotCanonical, reader.Position)
            : result == new PostcardResult(PostcardError.None, reader.Position) && numbers.AsSpan().SequenceEqual(expected);
    }

    private static byte[] OneByOne<T>(T[] numbers, WriteOne<T> write)
    {
        var writer = new PostcardWriter(new byte[16]);
        try
        {
            writer.WriteCount(numbers.Length);
            foreach (var number in numbers)
                write(ref writer, number);
            return writer.Written.ToArray();
        }
        finally
        {
            writer.Dispose();
        }
    }
}
