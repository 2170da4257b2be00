using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;

namespace Mosaik.Postcard.Tests;

/// <summary>
/// Every entry of the postcard categories of vectors/wire.json, encode vectors in both directions. An entry, type or
/// category field this class does not know is a failure.
/// </summary>
public sealed class VectorTests
{
    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;
    private static readonly PostcardSerializer Serializer = new(new Key32Converter());

    public static TheoryData<string, string> Names(string category)
    {
        var data = new TheoryData<string, string>();
        foreach (var vector in Vectors().Where(v => v.GetProperty("category").GetString() == category))
            data.Add(vector.GetProperty("name").GetString()!, vector.GetRawText());
        return data;
    }

    [Theory]
    [InlineData("varint", 15)]
    [InlineData("zigzag", 16)]
    [InlineData("varint-decode", 5)]
    [InlineData("varint-reject", 8)]
    [InlineData("postcard", 53)]
    [InlineData("postcard-decode", 3)]
    [InlineData("postcard-reject", 11)]
    public void Categories_are_complete(string category, int count) => Assert.Equal(count, Names(category).Count);

    [Theory]
    [MemberData(nameof(Names), "varint")]
    [MemberData(nameof(Names), "zigzag")]
    public void Integers(string name, string json)
    {
        var vector = new Vector(json);
        Assert.Equal(name, vector.Name);
        Both(vector, vector.TypeOr("u64"), vector.Value.GetString()!);
    }

    [Theory]
    [MemberData(nameof(Names), "varint-decode")]
    [MemberData(nameof(Names), "postcard-decode")]
    public void Decodes(string name, string json)
    {
        var vector = new Vector(json);
        var text = vector.TypeOr("") switch
        {
            "u16" => Text(Serializer.Decode<ushort>(vector.Bytes)),
            "u32" => Text(Serializer.Decode<uint>(vector.Bytes)),
            "u64" => Text(Serializer.Decode<ulong>(vector.Bytes)),
            "DateTime<Utc>" =>
                Serializer.Decode<DateTimeOffset>(vector.Bytes).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", Invariant),
            "BTreeSet<u8>" => $"[{string.Join(", ", Serializer.Decode<SortedSet<byte>>(vector.Bytes))}]",
            var type => throw new InvalidOperationException($"{name}: unknown type {type}"),
        };
        Assert.Equal(vector.Root.GetProperty("expectedText").GetString(), text);
    }

    [Theory]
    [MemberData(nameof(Names), "varint-reject")]
    [MemberData(nameof(Names), "postcard-reject")]
    public void Rejects(string name, string json)
    {
        var vector = new Vector(json);
        var bytes = vector.Bytes;
        var result = vector.TypeOr("") switch
        {
            "u16" => Serializer.TryDecode<ushort>(bytes, out _),
            "u32" => Serializer.TryDecode<uint>(bytes, out _),
            "u64" => Serializer.TryDecode<ulong>(bytes, out _),
            "bool" => Serializer.TryDecode<bool>(bytes, out _),
            "Option<u8>" => Serializer.TryDecode<byte?>(bytes, out _),
            "enum[A,B,C]" => Serializer.TryDecode<Side>(bytes, out _),
            "string" => Serializer.TryDecode<string>(bytes, out _),
            "Vec<u64>" => Serializer.TryDecode<List<ulong>>(bytes, out _),
            "char" => Serializer.TryDecode<Rune>(bytes, out _),
            "[u8;32]" => Serializer.TryDecode<ThirtyTwoBytes>(bytes, out _),
            "f64" => Serializer.TryDecode<double>(bytes, out _),
            "Version" => Serializer.TryDecode<SemanticVersion>(bytes, out _),
            var type => throw new InvalidOperationException($"{name}: unknown type {type}"),
        };
        var expected = vector.Root.GetProperty("expectedError").GetString() switch
        {
            "varint-range" => PostcardError.VarintRange,
            "end-of-input" => PostcardError.EndOfInput,
            "invalid-bool" => PostcardError.InvalidBool,
            "invalid-option" => PostcardError.InvalidOption,
            "invalid-variant" => PostcardError.InvalidVariant,
            "invalid-utf8" => PostcardError.InvalidUtf8,
            "invalid-char" => PostcardError.InvalidChar,
            "invalid-value" => PostcardError.InvalidValue,
            var error => throw new InvalidOperationException($"{name}: unknown error {error}"),
        };
        Assert.Equal(expected, result.Error);
        Assert.InRange(result.Offset, 0, bytes.Length);
    }

    [Theory]
    [MemberData(nameof(Names), "postcard")]
    public void Values(string name, string json)
    {
        var vector = new Vector(json);
        var value = vector.Value;
        switch (vector.TypeOr(""))
        {
            case "bool": Both(vector, value.GetBoolean()); break;
            case "f32": Both(vector, value.GetSingle()); break;
            case "f64":
                Both(vector, value.ValueKind == JsonValueKind.Number
                    ? value.GetDouble()
                    : BitConverter.UInt64BitsToDouble(ulong.Parse(value.GetProperty("bits").GetString()!, NumberStyles.HexNumber, Invariant)));
                break;
            case "char": Both(vector, Rune.GetRuneAt(value.GetString()!, 0)); break;
            case "string": Both(vector, value.GetString()!); break;
            case "bytes": BothBytes(vector, Convert.FromHexString(value.GetProperty("hex").GetString()!)); break;
            case "Vec<u8>": BothBytes(vector, Numbers<byte>(value)); break;
            case "[u8;3]": BothFixed(vector, Fill<ThreeBytes>(Numbers<byte>(value))); break;
            case "()": Both(vector, new Unit()); break;
            case "(u8,string)": Both(vector, (value[0].GetByte(), value[1].GetString()!)); break;
            case "Option<u32>": Both<uint?>(vector, value.ValueKind == JsonValueKind.Null ? null : value.GetUInt32()); break;
            case "Option<Option<u8>>": Both(vector, new Optional<byte?>(null)); break;
            case "enum[A,B,C]": Both(vector, (Side)"ABC".IndexOf(value.GetString()!, StringComparison.Ordinal)); break;
            case "enum[A,B(u16)]": Both<AOrB>(vector, new AOrB.B(value.GetProperty("B").GetUInt16())); break;
            case "enum of 201 unit variants": Both(vector, (ManyVariants)value.GetProperty("index").GetInt32()); break;
            case "Vec<u32>": BothSequence(vector, Numbers<uint>(value)); break;
            case "BTreeSet<Digest>": BothDigests(vector, value.GetArrayLength()); break;
            case "BTreeMap<string,u64>":
                var entries = value.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetUInt64());
                BothEquivalent(vector, new Dictionary<string, ulong>(entries.Reverse()));
                BothEquivalent(vector, new SortedDictionary<string, ulong>(entries, StringComparer.Ordinal));
                break;
            case "Ipv4Addr": BothFixed(vector, Fill<FourBytes>(IPAddress.Parse(value.GetString()!).GetAddressBytes())); break;
            case "Ipv6Addr": BothFixed(vector, Fill<SixteenBytes>(IPAddress.Parse(value.GetString()!).GetAddressBytes())); break;
            case "IpAddr": Both(vector, IPAddress.Parse(value.GetString()!)); break;
            case "SocketAddr":
                var endPoint = IPEndPoint.Parse(value.GetString()!);
                Assert.Equal(vector.Expected, Hex(Serializer.Encode(endPoint)));
                endPoint.Address = new IPAddress(endPoint.Address.GetAddressBytes());
                Both(vector, endPoint);
                break;
            case "Duration":
                var exact = new TimeSpan(value.GetProperty("secs").GetInt64() * TimeSpan.TicksPerSecond)
                    + new TimeSpan(value.GetProperty("nanos").GetInt64() / 100);
                Assert.Equal(exact, Serializer.Decode<TimeSpan>(vector.ExpectedBytes));
                if (value.GetProperty("nanos").GetInt64() % 100 == 0)
                    Both(vector, exact);
                break;
            case "DateTime<Utc>":
                Timestamp(vector, value.GetString()!);
                break;
            case "Version": Both(vector, new SemanticVersion(value.GetString()!)); break;
            case "RelayUrl": Both(vector, value.GetString()!); break;
            case "Digest": BothFixed(vector, Fill<ThirtyTwoBytes>(vector.ExpectedBytes)); break;
            case "u8" or "i8" or "u16" or "i32":
                Both(vector, vector.TypeOr(""), value.GetRawText());
                break;
            case var type: throw new InvalidOperationException($"{name}: unknown type {type}");
        }
    }

    private static void Timestamp(Vector vector, string text)
    {
        var exact = DateTimeOffset.Parse(text.Length > 28 ? text[..27] + "Z" : text, Invariant);
        Assert.Equal(exact, Serializer.Decode<DateTimeOffset>(vector.ExpectedBytes));
        Assert.Equal(exact.UtcDateTime, Serializer.Decode<DateTime>(vector.ExpectedBytes));

        // Nanoseconds below 100 do not fit the CLR type, so only that vector cannot be produced.
        if (text.Length <= 28 || text.EndsWith("00Z", StringComparison.Ordinal))
        {
            Both(vector, exact);
            Both(vector, exact.ToOffset(TimeSpan.FromHours(5)));
            Both(vector, exact.UtcDateTime);
        }
    }

    private static void BothDigests(Vector vector, int count)
    {
        var bytes = vector.ExpectedBytes;
        Assert.Equal(count, bytes[0]);
        var keys = Enumerable.Range(0, count)
            .Select(i => Serializer.Decode<Key32>(bytes.AsSpan(1 + (32 * i), 32))).Reverse().ToHashSet();
        BothEquivalent(vector, keys);
    }

    private static void BothBytes(Vector vector, byte[] bytes)
    {
        Both(vector, bytes);
        Both(vector, bytes.ToList());
        Assert.Equal(vector.Expected, Hex(Serializer.Encode<Memory<byte>>(bytes)));
        Assert.Equal(vector.Expected, Hex(Serializer.Encode<ReadOnlyMemory<byte>>(bytes)));
        Assert.Equal(bytes, Serializer.Decode<ReadOnlyMemory<byte>>(vector.ExpectedBytes).ToArray());
        Assert.Equal(bytes, Serializer.Decode<Memory<byte>>(vector.ExpectedBytes).ToArray());
    }

    private static void BothSequence(Vector vector, uint[] numbers)
    {
        Both(vector, numbers);
        Both(vector, numbers.ToList());
        Both(vector, new Queue<uint>(numbers));
    }

    private static void Both(Vector vector, string type, string number)
    {
        switch (type)
        {
            case "u8": Both(vector, byte.Parse(number, Invariant)); break;
            case "i8": Both(vector, sbyte.Parse(number, Invariant)); break;
            case "u16": Both(vector, ushort.Parse(number, Invariant)); break;
            case "i16": Both(vector, short.Parse(number, Invariant)); break;
            case "i32": Both(vector, int.Parse(number, Invariant)); break;
            case "u64":
                Both(vector, ulong.Parse(number, Invariant));
                if (uint.TryParse(number, Invariant, out var u32))
                    Both(vector, u32);
                break;
            case "i64": Both(vector, long.Parse(number, Invariant)); break;
            case "u128": Both(vector, UInt128.Parse(number, Invariant)); break;
            case "i128": Both(vector, Int128.Parse(number, Invariant)); break;
            default: throw new InvalidOperationException($"unknown type {type}");
        }
    }

    private static void Both<T>(Vector vector, T value)
    {
        Assert.Equal(vector.Expected, Hex(Serializer.Encode(value)));
        Assert.Equal(value, Serializer.Decode<T>(vector.ExpectedBytes, PostcardForm.Canonical));
    }

    private static void BothEquivalent<T>(Vector vector, T value)
    {
        Assert.Equal(vector.Expected, Hex(Serializer.Encode(value)));
        Assert.Equivalent(value, Serializer.Decode<T>(vector.ExpectedBytes, PostcardForm.Canonical), strict: true);
    }

    private static void BothFixed<T>(Vector vector, T value)
        where T : unmanaged
    {
        Assert.Equal(vector.Expected, Hex(Serializer.Encode(value)));
        var decoded = Serializer.Decode<T>(vector.ExpectedBytes, PostcardForm.Canonical);
        Assert.Equal(
            System.Runtime.InteropServices.MemoryMarshal.AsBytes([value]).ToArray(),
            System.Runtime.InteropServices.MemoryMarshal.AsBytes([decoded]).ToArray());
    }

    private static T Fill<T>(ReadOnlySpan<byte> bytes)
        where T : unmanaged => System.Runtime.InteropServices.MemoryMarshal.Read<T>(bytes);

    private static T[] Numbers<T>(JsonElement array)
        where T : System.Numerics.INumber<T> =>
        [.. array.EnumerateArray().Select(e => T.Parse(e.GetRawText(), Invariant))];

    private static string Text(IFormattable value) => value.ToString(null, Invariant);

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);

    private static JsonElement.ArrayEnumerator Vectors()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Mosaik.slnx")))
            folder = folder.Parent ?? throw new InvalidOperationException("Mosaik.slnx was not found.");
        var path = Path.Combine(folder.Parent!.FullName, "shared", "vectors", "wire.json");
        return JsonDocument.Parse(File.ReadAllBytes(path)).RootElement.GetProperty("vectors").EnumerateArray();
    }

    private sealed class Vector(string json)
    {
        public JsonElement Root { get; } = JsonDocument.Parse(json).RootElement;

        public string Name => Root.GetProperty("name").GetString()!;

        public string Expected => Root.GetProperty("expected").GetString()!;

        public byte[] ExpectedBytes => Convert.FromHexString(Expected);

        public JsonElement Value => Root.GetProperty("inputs").GetProperty("value");

        public byte[] Bytes => Convert.FromHexString(Root.GetProperty("inputs").GetProperty("bytes").GetString()!);

        public string TypeOr(string fallback) =>
            Root.GetProperty("inputs").TryGetProperty("type", out var type) ? type.GetString()! : fallback;
    }
}
