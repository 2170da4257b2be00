using System.Security.Cryptography;
using Mosaik.Quic.Crypto;
using Mosaik.Quic.Tests.Tls;

namespace Mosaik.Quic.Tests.Crypto;

/// <summary>X25519 (RFC 7748), P-256 (RFC 8448 §5) and HKDF (RFC 5869) with the values of their documents.</summary>
public sealed class KeyExchangeTests
{
    [Theory]
    [InlineData(
        "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
        "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552")]
    [InlineData(
        "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
        "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957")]
    public void X25519_multiplies_as_rfc_7748_says(string scalar, string point, string result) =>
        Assert.Equal(result, Agree(Convert.FromHexString(scalar), Convert.FromHexString(point)));

    [Fact]
    public void X25519_agrees_as_in_rfc_7748()
    {
        using var alice = X25519Exchange.FromPrivateKey(
            Convert.FromHexString("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
        using var bob = X25519Exchange.FromPrivateKey(
            Convert.FromHexString("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
        Assert.Equal(
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
            Convert.ToHexStringLower(alice.PublicShare));
        Assert.Equal(
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
            Convert.ToHexStringLower(bob.PublicShare));
        var secret = new byte[32];
        Assert.True(alice.TryAgree(bob.PublicShare, secret));
        Assert.Equal("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742", Convert.ToHexStringLower(secret));
    }

    [Theory]
    [InlineData(1, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079")]
    [InlineData(1_000, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51")]
    public void X25519_iterates_as_rfc_7748_says(int rounds, string result)
    {
        var k = new byte[32];
        k[0] = 9;
        var u = k.ToArray();
        for (var i = 0; i < rounds; i++)
            (k, u) = (Convert.FromHexString(Agree(k, u)), k);
        Assert.Equal(result, Convert.ToHexStringLower(k));
    }

    [Theory]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")]
    [InlineData("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157")]
    [InlineData("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")]
    public void X25519_refuses_a_result_of_zero(string point)
    {
        using var exchange = X25519Exchange.Create(new SeededRandom(1));
        Assert.False(exchange.TryAgree(Convert.FromHexString(point), new byte[32]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(33)]
    public void X25519_refuses_a_share_of_another_length(int length)
    {
        using var exchange = X25519Exchange.Create(new SeededRandom(1));
        var share = new byte[length];
        if (length > 0)
            share[0] = 9;
        Assert.False(exchange.TryAgree(share, new byte[32]));
    }

    [Theory]
    [InlineData(NamedGroup.X25519)]
    [InlineData(NamedGroup.P256)]
    internal void Both_sides_agree(NamedGroup group)
    {
        using var one = KeyExchange.Create(group, new SeededRandom(1));
        using var other = KeyExchange.Create(group, new SeededRandom(2));
        var a = new byte[32];
        var b = new byte[32];
        Assert.True(one.TryAgree(other.PublicShare, a));
        Assert.True(other.TryAgree(one.PublicShare, b));
        Assert.Equal(a, b);
        Assert.NotEqual(new byte[32], a);
    }

    [Fact]
    public void P256_agrees_as_in_rfc_8448()
    {
        using var client = P256Exchange.FromPrivateKey(
            Convert.FromHexString("ab5473467e19346ceb0a0414e41da21d4d2445bc3025afe97c4e8dc8d513da39"));
        using var server = P256Exchange.FromPrivateKey(
            Convert.FromHexString("8c510601f9765bfb8ed693449a48989859b5cfa879cb9f5443c41c5ff10634ed"));
        Assert.Equal(
            "04a6da7392ec591e17abfd535964b99894d13befb221b3def2ebe3830eac8f01"
            + "51812677c4d6d2237e85cf01d6910cfb83954e76ba7352830534159897e8065780",
            Convert.ToHexStringLower(client.PublicShare));
        var secret = new byte[32];
        Assert.True(client.TryAgree(server.PublicShare, secret));
        Assert.Equal("c142ce13ca11b5c2233652e63ad3d97844f1621fbfb9de69d547dc8fedeabeb4", Convert.ToHexStringLower(secret));
    }

    [Fact]
    public void P256_refuses_everything_but_an_uncompressed_point_of_the_curve()
    {
        using var own = P256Exchange.Create(new SeededRandom(1));
        using var peer = P256Exchange.Create(new SeededRandom(2));
        var good = peer.PublicShare.ToArray();
        var secret = new byte[32];
        Assert.True(own.TryAgree(good, secret));
        Assert.False(own.TryAgree(good.AsSpan(0, 64), secret));
        Assert.False(own.TryAgree((byte[])[.. good, 0], secret));
        Assert.False(own.TryAgree((byte[])[(byte)(2 | (good[64] & 1)), .. good[1..33]], secret));
        Assert.False(own.TryAgree((byte[])[0], secret));
        Assert.False(own.TryAgree(default, secret));
        foreach (var marker in (byte[])[0, 2, 3, 5, 6, 7])
        {
            var marked = good.ToArray();
            marked[0] = marker;
            Assert.False(own.TryAgree(marked, secret));
        }
        var zero = new byte[65];
        zero[0] = 4;
        Assert.False(own.TryAgree(zero, secret));
        // Flipping any bit of a coordinate leaves the curve.
        for (var i = 1; i < good.Length; i++)
        {
            var off = good.ToArray();
            off[i] ^= 1;
            Assert.False(own.TryAgree(off, secret));
        }
        // x + p has the same residue, but is not canonical; only small x can be written that way, p itself is one.
        var beyond = good.ToArray();
        Convert.FromHexString("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff").CopyTo(beyond, 1);
        Assert.False(own.TryAgree(beyond, secret));
        beyond.AsSpan(1).Fill(0xff);
        Assert.False(own.TryAgree(beyond, secret));
    }

    [Fact]
    public void P256_keys_are_drawn_below_the_order()
    {
        byte[] tooLarge = Convert.FromHexString("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
        byte[] one = [.. new byte[31], 1];
        using var exchange = P256Exchange.Create(new FixedRandom([.. tooLarge, .. new byte[32], .. one]));
        // The public key of 1 is the base point.
        Assert.Equal("046b17d1f2", Convert.ToHexStringLower(exchange.PublicShare[..5]));
        Assert.Throws<CryptographicException>(() => P256Exchange.Create(new FixedRandom(new byte[1024])));
    }

    [Theory]
    [InlineData(
        "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")]
    [InlineData(
        "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
        "",
        "",
        "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8")]
    public void Hkdf_is_that_of_rfc_5869(string ikm, string salt, string info, string prk, string okm)
    {
        var extracted = HKDF.Extract(HashAlgorithmName.SHA256, Convert.FromHexString(ikm), Convert.FromHexString(salt));
        Assert.Equal(prk, Convert.ToHexStringLower(extracted));
        var output = HKDF.Expand(HashAlgorithmName.SHA256, extracted, okm.Length / 2, Convert.FromHexString(info));
        Assert.Equal(okm, Convert.ToHexStringLower(output));
    }

    [Fact]
    public void Hkdf_label_has_the_form_of_rfc_8446()
    {
        // RFC 9001 A.1 gives the encoded label of "quic key" with 16 bytes of output and an empty context.
        byte[] secret = [.. Enumerable.Repeat((byte)7, 32)];
        var output = new byte[16];
        HkdfLabel.Expand(HashAlgorithmName.SHA256, secret, "quic key"u8, default, output);
        var info = Convert.FromHexString("00100e746c7331332071756963206b657900");
        Assert.Equal(HKDF.Expand(HashAlgorithmName.SHA256, secret, 16, info), output);
        var longest = new byte[HkdfLabel.MaxLabelLength];
        HkdfLabel.Expand(HashAlgorithmName.SHA256, secret, longest, new byte[255], output);
        Assert.Throws<ArgumentOutOfRangeException>(
            () => HkdfLabel.Expand(HashAlgorithmName.SHA256, secret, new byte[250], default, output));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => HkdfLabel.Expand(HashAlgorithmName.SHA256, secret, default, new byte[256], output));
    }

    private static string Agree(byte[] scalar, byte[] point)
    {
        using var exchange = X25519Exchange.FromPrivateKey(scalar);
        var secret = new byte[32];
        Assert.True(exchange.TryAgree(point, secret));
        return Convert.ToHexStringLower(secret);
    }
}
