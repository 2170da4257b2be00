using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Net;
using System.Text;

namespace Mosaik.Postcard.Tests;

/// <summary>One value per kind of type, and the means to decode any bytes as its type.</summary>
internal static class Samples
{
    public static readonly PostcardSerializer Serializer = new(new Key32Converter());

    public static IReadOnlyList<Sample> All { get; } =
    [
        Of(true), Of((byte)7), Of((sbyte)-7), Of((ushort)300), Of((short)-300), Of(70_000u), Of(-70_000), Of(ulong.MaxValue),
        Of(long.MinValue), Of(UInt128.MaxValue), Of(Int128.MinValue), Of(1.5f), Of(-0.1), Of(new Rune('€')), Of("héllo"),
        Of<byte[]>([1, 2, 3]), Of<int?>(5), Of<Optional<Optional<byte>>>(new Optional<byte>(3)), Of(Side.Short),
        Of(TimeSpan.FromSeconds(1.5)), Of(new DateTimeOffset(2025, 10, 9, 8, 53, 20, 123, TimeSpan.Zero)),
        Of(IPAddress.Parse("2001:db8::1")), Of(new IPEndPoint(IPAddress.Loopback, 4433)),
        Of(new Order(300, 5, 7, 1, "BONDBOND", -1)), Of(new Tree(1, [new(2, []), new(3, [new(4, [])])])),
        Of(new Chain(1, new(2, new(3, null)))), Of<Shape>(new Shape.Square(5, "a")), Of(new Unit()),
        Of<List<Unit>>([new(), new()]), Of<Wrapper[]>([new(1), new(300)]), Of(FixedValue()),
        Of(new Custom(new(1, 2), new(0, 7), [new(1, 2)])), Of(Values()), Of(Sets()), Of(new Picky(4)),
        Of<List<bool>>([true, false, true]), Of<List<Wrapper>>([new(1), new(2)]), Of<List<Order>>([new(1, 2, 3, 4, "", 5)]),
        Of(new Dictionary<byte, byte> { [1] = 2, [3] = 4 }), Of(new HashSet<ushort> { 1, 300 }),
        Of(Enumerable.Range(0, 300).ToArray()), Of<List<string>>(["", "a", "bc"]), Of<List<MutableBag>>([new() { A = 1 }]),
    ];

    public static Everything Values() => new(
        "text", null, 5, new Optional<Optional<byte>>(new Optional<byte>(9)), Side.Sell, TimeSpan.FromMilliseconds(1.5),
        new DateTimeOffset(2025, 10, 9, 8, 53, 20, TimeSpan.Zero).AddTicks(1_234_567), IPAddress.Loopback,
        new IPEndPoint(IPAddress.IPv6Loopback, 65535), (1, "one"), [1, 2], new byte[] { 3 }, [4, 5], new Shape.Circle(7), null);

    public static Collections Sets() => new(
        [1, -2], ["a", ""], new Queue<long>([5, 6]), [1, 2], [1.5, 2.5], ["x", "y"], [3, 1], new ulong[] { 9, 300 }.ToFrozenSet(),
        [1, 300], [5, 4], new() { ["a"] = 1, ["b"] = 2 }, new() { [2] = "b", [1] = "a" },
        new Dictionary<int, byte> { [1] = 1, [500] = 2 }.ToFrozenDictionary(),
        ImmutableDictionary<string, bool>.Empty.Add("k", true), ImmutableSortedDictionary<int, int>.Empty.Add(2, 2).Add(1, 1),
        [new Order(1, 2, 3, 4, "five", 6)], new LinkedList<byte>([1, 2]));

    private static Fixed FixedValue()
    {
        var ints = default(FourInts);
        ints[2] = 300;
        return new Fixed(ints, default);
    }

    private static Sample<T> Of<T>(T value) => new(value);

    internal abstract class Sample
    {
        public abstract string Name { get; }

        public abstract byte[] Encoded { get; }

        public abstract PostcardResult Decode(ReadOnlySpan<byte> input, PostcardForm form);

        /// <summary>Decodes, encodes the value, and returns the image, or null when decoding fails.</summary>
        public abstract byte[]? DecodeAndEncode(ReadOnlySpan<byte> input, PostcardForm form);
    }

    internal sealed class Sample<T>(T value) : Sample
    {
        private readonly PostcardConverter<T> _converter = Serializer.GetConverter<T>();

        public override string Name => typeof(T).ToString();

        public override byte[] Encoded => _converter.Encode(value);

        public override PostcardResult Decode(ReadOnlySpan<byte> input, PostcardForm form) =>
            _converter.TryDecode(input, out _, form);

        public override byte[]? DecodeAndEncode(ReadOnlySpan<byte> input, PostcardForm form) =>
            _converter.TryDecode(input, out var decoded, form).IsSuccess ? _converter.Encode(decoded!) : null;
    }
}
