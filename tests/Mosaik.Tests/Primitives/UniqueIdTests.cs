using System.Text;
using System.Text.Json;
using CsCheck;
using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Tests.Primitives;

public sealed class UniqueIdTests
{
    private static readonly Gen<UniqueId> Ids = Gen.Byte.Array[32].Select(b => UniqueId.FromRaw(b));

    [Fact]
    public void Order_is_unsigned_lexicographic() =>
        Gen.Select(Ids, Ids, Gen.Int[0, 31]).Sample((a, b, shared) =>
        {
            byte[] bytes = b.ToByteArray();
            a.AsSpan()[..shared].CopyTo(bytes);
            b = UniqueId.FromRaw(bytes);
            int expected = Math.Sign(a.AsSpan().SequenceCompareTo(b.AsSpan()));
            return Math.Sign(a.CompareTo(b)) == expected && Math.Sign(b.CompareTo(a)) == -expected
                && (a == b) == (expected == 0) && (a < b) == (expected < 0) && (a >= b) == (expected >= 0);
        });

    [Fact]
    public void Text_and_binary_and_json_forms_round_trip() =>
        Ids.Sample(id =>
        {
            NetworkId network = (NetworkId)id;
            Span<char> chars = stackalloc char[64];
            Span<byte> utf8 = stackalloc byte[64];
            return id.TryFormat(chars, out int written, "G", null) && written == 64
                && id.TryFormat(utf8, out int bytes, default, null) && bytes == 64
                && UniqueId.Parse(chars, null) == id
                && UniqueId.From(utf8) == id
                && NetworkId.Parse(id.ToString().ToUpperInvariant()) == network
                && JsonSerializer.Deserialize<NetworkId>(JsonSerializer.Serialize(network)) == network
                && id.ToString("S") == id.ToString()[..10]
                && ((UniqueId)network).Equals(id) && network.GetHashCode() == ((NetworkId)id).GetHashCode();
        });

    [Fact]
    public void Too_small_a_destination_is_not_written()
    {
        Assert.False(UniqueId.Zero.TryFormat(new char[63], out _, "G", null));
        Assert.False(UniqueId.Zero.TryFormat(new byte[9], out _, "S", null));
    }

    [Fact]
    public void An_unknown_format_is_refused() => Assert.Throws<FormatException>(() => UniqueId.Zero.ToString("X"));

    [Fact]
    public void Raw_bytes_must_be_32()
    {
        Assert.Throws<ArgumentException>(() => UniqueId.FromRaw(new byte[31]));
        Assert.Throws<ArgumentException>(() => Tag.FromRaw(new byte[33]));
        Assert.False(GroupId.TryFromRaw(new byte[64], out _));
    }

    [Fact]
    public void A_long_text_is_hashed_like_a_short_one()
    {
        string text = string.Concat(Enumerable.Repeat("häuser ", 400));
        Assert.Equal(UniqueId.Hash(Encoding.UTF8.GetBytes(text)), UniqueId.From(text));
    }

    [Fact]
    public void Parts_are_concatenated_and_a_hasher_starts_afresh()
    {
        var hasher = new Blake3Hasher();
        Assert.Equal(UniqueId.FromParts("ab", "c"), UniqueId.FromHasher(hasher.Append("a").Append("bc"u8)));
        Assert.Equal(UniqueId.From(""), UniqueId.FromHasher(hasher));
        Assert.Equal(UniqueId.From("a").Derive("b"), UniqueId.From("a").Derive("b"u8));
    }

    [Fact]
    public void Dictionary_keys_are_json_property_names()
    {
        var map = new Dictionary<StreamId, int> { ["prices"] = 1 };
        string json = JsonSerializer.Serialize(map);
        Assert.Equal(map, JsonSerializer.Deserialize<Dictionary<StreamId, int>>(json));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<Dictionary<StreamId, int>>("""{"prices":1}"""));
    }

    [Fact]
    public void Random_ids_come_from_the_source()
    {
        var random = new SeededRandom(1);
        Assert.NotEqual(UniqueId.Random(random), UniqueId.Random(random));
        Assert.Equal(UniqueId.Random(new SeededRandom(2)), UniqueId.Random(new SeededRandom(2)));
        Assert.Equal(SecretKey.Random(new SeededRandom(2)), SecretKey.Random(new SeededRandom(2)));
    }

    [Fact]
    public void Postcard_form_is_the_raw_bytes() =>
        Ids.Sample(id =>
        {
            var converter = new IdentifierPostcardConverter<StoreId>();
            byte[] bytes = converter.Encode((StoreId)id);
            return bytes.AsSpan().SequenceEqual(id.AsSpan())
                && converter.TryDecode(bytes, out StoreId back).Error == PostcardError.None && back == (StoreId)id
                && converter.TryDecode(bytes.AsSpan(1), out _).Error == PostcardError.EndOfInput;
        });
}
