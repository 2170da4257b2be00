using System.Text.Json;
using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Tests.Primitives;

public sealed class KeyTests
{
    private const string ZeroSeedBase32 = "hnvcppgow2sc2yvdvdicu3ynonsteflxdxrehjr2ybekdc2z3iuq";

    [Fact]
    public void A_secret_key_parses_hex_and_base32_and_nothing_else()
    {
        string seed = new('0', 64);
        Assert.Equal(SecretKey.Parse(seed), SecretKey.FromSeed(new byte[32]));
        Assert.Equal(SecretKey.Parse(new string('a', 52)), SecretKey.FromSeed(new byte[32]));
        Assert.Throws<FormatException>(() => SecretKey.Parse("my-secret"));
        Assert.False(SecretKey.TryParse(seed[1..], out _));
        Assert.False(SecretKey.TryParse(null, out _));
    }

    [Fact]
    public void A_secret_key_is_never_printed()
    {
        SecretKey key = SecretKey.FromText("my-secret");
        Assert.Equal("<redacted>", $"{key}");
        Assert.Equal(key, SecretKey.FromSeed(key.ExportSeed()));
    }

    [Fact]
    public void A_secret_key_is_not_serialized()
    {
        string json = JsonSerializer.Serialize(SecretKey.FromText("my-secret"));
        Assert.DoesNotContain(Convert.ToHexStringLower(UniqueId.From("my-secret").AsSpan()), json, StringComparison.Ordinal);
    }

    [Fact]
    public void No_public_operation_signs() => Assert.DoesNotContain(
        typeof(SecretKey).GetMethods(), m => m.ReturnType == typeof(Signature) || m.Name.Contains("Sign", StringComparison.Ordinal));

    [Fact]
    public void Base32_has_one_text_per_value()
    {
        Span<byte> raw = stackalloc byte[32];
        Assert.True(Base32.TryDecode(ZeroSeedBase32, raw));
        Assert.Equal(ZeroSeedBase32, Base32.Encode(raw));
        // The last character carries one bit; the four others must be zero.
        Assert.False(Base32.TryDecode(string.Concat(ZeroSeedBase32.AsSpan(..^1), "r"), raw));
        Assert.False(Base32.TryDecode(string.Concat(ZeroSeedBase32.AsSpan(..^1), "1"), raw));
        Assert.False(Base32.TryDecode(ZeroSeedBase32.AsSpan(..^1), raw));
    }

    [Fact]
    public void A_peer_id_is_checked_on_every_way_in()
    {
        string notAPoint = "02" + new string('0', 62);
        byte[] raw = Convert.FromHexString(notAPoint);
        Assert.False(PeerId.TryParse(notAPoint, out _));
        Assert.Throws<FormatException>(() => PeerId.Parse(notAPoint));
        Assert.Throws<ArgumentException>(() => (PeerId)raw.AsSpan());
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<PeerId>($"\"{notAPoint}\""));
        Assert.Equal(PostcardError.InvalidValue, new IdentifierPostcardConverter<PeerId>().TryDecode(raw, out _).Error);
        Assert.False(EndpointAddress.TryDecode([.. raw, 0], out _));
    }

    [Fact]
    public void A_peer_id_has_no_conversion_from_text() => Assert.DoesNotContain(
        typeof(PeerId).GetMethods(), m => m.Name is "op_Implicit" && m.GetParameters()[0].ParameterType == typeof(string));

    [Fact]
    public void Equal_keys_are_equal_and_different_keys_are_not()
    {
        Assert.Equal(SecretKey.FromText("a"), SecretKey.FromText("a"));
        Assert.NotEqual(SecretKey.FromText("a"), SecretKey.FromText("b"));
        Assert.Equal(SecretKey.FromText("a").PeerId, PeerId.Parse(SecretKey.FromText("a").PeerId.ToString()));
    }
}
