using System.Text.Json;
using Mosaik.Quic.Crypto;
using Mosaik.Quic.Tests.Traces;

namespace Mosaik.Quic.Tests.Crypto;

/// <summary>RFC 8032 §7.1 and every strict case of the shared vectors.</summary>
public sealed class Ed25519Tests
{
    [Theory]
    [InlineData(
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        + "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")]
    [InlineData(
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")]
    [InlineData(
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        + "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")]
    [InlineData(
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
        + "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704")]
    public void Signs_and_verifies_as_rfc_8032_says(string seed, string publicKey, string message, string signature)
    {
        var (s, m) = (Convert.FromHexString(seed), Convert.FromHexString(message));
        var derived = new byte[Ed25519Strict.PublicKeyLength];
        Ed25519Strict.GetPublicKey(s, derived);
        Assert.Equal(publicKey, Convert.ToHexStringLower(derived));
        var signed = new byte[Ed25519Strict.SignatureLength];
        Ed25519Strict.Sign(s, m, signed);
        Assert.Equal(signature, Convert.ToHexStringLower(signed));
        using var key = Ed25519SigningKey.FromSeed(s);
        Assert.Equal(derived, key.PublicKey.ToArray());
        Array.Clear(signed);
        key.Sign(m, signed);
        Assert.Equal(signature, Convert.ToHexStringLower(signed));
        Assert.True(Ed25519Strict.Verify(derived, m, signed));
        Assert.True(Ed25519Strict.IsValidPoint(derived));
        Assert.False(Ed25519Strict.Verify(derived, (byte[])[.. m, 0], signed));
    }

    [Fact]
    public void Answers_every_strict_case_as_required()
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Shared.PathOf("vectors", "ed25519-strict.json")));
        Assert.Equal("mosaik-ed25519-strict/1", document.RootElement.GetProperty("format").GetString());
        var count = 0;
        // Twice: the second answer comes from the table of checked keys.
        for (var round = 0; round < 2; round++)
        {
            foreach (var item in document.RootElement.GetProperty("cases").EnumerateArray())
            {
                count++;
                Assert.Equal(6, item.EnumerateObject().Count());
                var answer = Ed25519Strict.Verify(Hex(item, "publicKey"), Hex(item, "message"), Hex(item, "signature"));
                Assert.True(
                    item.GetProperty("accepted").GetBoolean() == answer, item.GetProperty("description").GetString());
            }
        }
        Assert.Equal(2 * 17, count);
    }

    [Fact]
    public void Refuses_wrong_lengths_without_an_exception()
    {
        Assert.False(Ed25519Strict.Verify(new byte[31], default, new byte[64]));
        Assert.False(Ed25519Strict.Verify(new byte[33], default, new byte[64]));
        Assert.False(Ed25519Strict.Verify(new byte[32], default, new byte[63]));
        Assert.False(Ed25519Strict.Verify(new byte[32], default, new byte[65]));
        Assert.False(Ed25519Strict.Verify(default, default, default));
        Assert.False(Ed25519Strict.IsValidPoint(new byte[31]));
    }

    [Theory]
    // Small order, and y = 0 or 1 with any sign: names, though nothing verifies under them.
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000", true)]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000", true)]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000080", true)]
    [InlineData("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", true)]
    [InlineData("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", true)]
    // y = 2 has no x.
    [InlineData("0200000000000000000000000000000000000000000000000000000000000000", false)]
    [InlineData("197f6b23e16c8532c6abc838facd5ea789be0c76b2920334039bfa8b3d368d61", true)]
    public void Tells_points_from_other_bytes(string bytes, bool isPoint) =>
        Assert.Equal(isPoint, Ed25519Strict.IsValidPoint(Convert.FromHexString(bytes)));

    [Fact]
    public void About_half_of_all_strings_are_points_and_every_public_key_is()
    {
        var random = new Tls.SeededRandom(25519);
        var bytes = new byte[32];
        var key = new byte[32];
        var points = 0;
        for (var i = 0; i < 2_000; i++)
        {
            random.Fill(bytes);
            points += Ed25519Strict.IsValidPoint(bytes) ? 1 : 0;
            if (i >= 200)
                continue;
            Ed25519Strict.GetPublicKey(bytes, key);
            Assert.True(Ed25519Strict.IsValidPoint(key));
        }
        Assert.InRange(points, 850, 1150);
    }

    [Fact]
    public void A_disposed_key_does_not_sign()
    {
        var key = Ed25519SigningKey.FromSeed(new byte[32]);
        key.Dispose();
        Assert.Throws<ObjectDisposedException>(() => key.Sign(default, new byte[64]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Ed25519SigningKey.FromSeed(new byte[31]));
    }

    private static byte[] Hex(JsonElement item, string name) =>
        // The vectors have no null.
        Convert.FromHexString(item.GetProperty(name).GetString()!);
}
