using System.Security.Cryptography;
using Mosaik.Quic.Crypto;
using Mosaik.Quic.Tls;

namespace Mosaik.Quic.Tests.Crypto;

/// <summary>The key schedule against the handshakes of RFC 8448: §3 simple, §5 with HelloRetryRequest.</summary>
public sealed class Rfc8448Tests
{
    private const string ClientHello =
        "010000c00303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece70000061301130313020100009100"
        + "00000b0009000006736572766572ff01000100000a00140012001d00170018001901000101010201030104002300000033002600"
        + "24001d002099381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c002b0003020304000d0020001e0403"
        + "05030603020308040805080604010501060102010402050206020202002d00020101001c00024001";

    private const string ServerHello =
        "020000560303a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e2692800130100002e00330024001d0020"
        + "c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f002b00020304";

    private const string EncryptedExtensions =
        "080000240022000a00140012001d00170018001901000101010201030104001c0002400100000000";

    private const string Certificate =
        "0b0001b9000001b50001b0308201ac30820115a003020102020102300d06092a864886f70d01010b0500300e310c300a06035504"
        + "031303727361301e170d3136303733303031323335395a170d3236303733303031323335395a300e310c300a0603550403130372"
        + "736130819f300d06092a864886f70d010101050003818d0030818902818100b4bb498f8279303d980836399b36c6988c0c68de55"
        + "e1bdb826d3901a2461eafd2de49a91d015abbc9a95137ace6c1af19eaa6af98c7ced43120998e187a80ee0ccb0524b1b018c3e0b"
        + "63264d449a6d38e22a5fda430846748030530ef0461c8ca9d9efbfae8ea6d1d03e2bd193eff0ab9a8002c47428a6d35a8d88d79f"
        + "7f1e3f0203010001a31a301830090603551d1304023000300b0603551d0f0404030205a0300d06092a864886f70d01010b050003"
        + "81810085aad2a0e5b9276b908c65f73a7267170618a54c5f8a7b337d2df7a594365417f2eae8f8a58c8f8172f9319cf36b7fd6c5"
        + "5b80f21a03015156726096fd335e5e67f2dbf102702e608ccae6bec1fc63a42a99be5c3eb7107c3c54e9b9eb2bd5203b1c3b84e0"
        + "a8b2f759409ba3eac9d91d402dcc0cc8f8961229ac9187b42b4de10000";

    private const string CertificateVerify =
        "0f000084080400805a747c5d88fa9bd2e55ab085a61015b7211f824cd484145ab3ff52f1fda8477b0b7abc90db78e2d33a5c141a"
        + "078653fa6bef780c5ea248eeaaa785c4f394cab6d30bbe8d4859ee511f602957b15411ac027671459e46445c9ea58c181e818e95"
        + "b8c3fb0bf3278409d3be152a3da5043e063dda65cdf5aea20d53dfacd42f74f3";

    private const string ServerFinished =
        "140000209b9b141d906337fbd2cbdce71df4deda4ab42c309572cb7fffee5454b78f0718";

    private const string ClientFinished =
        "14000020a8ec436d677634ae525ac1fcebe11a039ec17694fac6e98527b642f2edd5ce61";

    private const string RetryClientHello1 =
        "010000b00303b0b1c5a5aa37c5919f2ed1d5c6fff7fcb7849716945a2b8cee9258a346677b6f0000061301130313020100008100"
        + "00000b0009000006736572766572ff01000100000a00080006001d00170018003300260024001d0020e8e8e3f3b93a25ed97a14a"
        + "7dcacb8a272c6288e585c6484d05262fcad062ad1f002b0003020304000d0020001e040305030603020308040805080604010501"
        + "060102010402050206020202002d00020101001c00024001";

    private const string Cookie =
        "002c0074007271dcd04bb88bc3189119398a00000000eefafc76c146b823b096f8aacad365dd0030953f4edf625636e5f21bb2e2"
        + "3fcc654b1b5b40318d10d137abcbb87574e36e8a1f025f7dfa5d6e50781b5eda4aa15b0c8be778257d16aa3030e9e7841dd9e4c0"
        + "342267e8ca0caf571fb2b7cff0f934b0";

    private const string HelloRetryRequest =
        "020000ac0303cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c001301000084003300020017"
        + Cookie
        + "002b00020304";

    private const string RetryClientHello2 =
        "010001fc0303b0b1c5a5aa37c5919f2ed1d5c6fff7fcb7849716945a2b8cee9258a346677b6f000006130113031302010001cd00"
        + "00000b0009000006736572766572ff01000100000a00080006001d001700180033004700450017004104a6da7392ec591e17abfd"
        + "535964b99894d13befb221b3def2ebe3830eac8f0151812677c4d6d2237e85cf01d6910cfb83954e76ba7352830534159897e806"
        + "5780002b0003020304000d0020001e040305030603020308040805080604010501060102010402050206020202"
        + Cookie
        + "002d00020101001c00024001001500af";

    private const string RetryServerHello =
        "020000770303bb341d847fd789c47c387172dc0c9bf147fccacb5043d86ca4c598d3ff571b9800130100004f0033004500170041"
        + "04583e054b7a66672ae020ad9d2686fcc85b5ad41a134a0f03ee72b893052bd85b4c8de6776f5b04ac07d83540eab3e3d9c547bc"
        + "6528c4317d294686093a6cad7d002b00020304";

    [Fact]
    public void Simple_handshake()
    {
        using var client = X25519Exchange.FromPrivateKey(
            Hex("49af42ba7f7994852d713ef2784bcbcaa7911de26adc5642cb634540e7ea5005"));
        using var server = X25519Exchange.FromPrivateKey(
            Hex("b1580eeadf6dd589b8ef4f2d5652578cc810e9980191ec8d058308cea216a21e"));
        var shared = new byte[32];
        Assert.True(client.TryAgree(server.PublicShare, shared));
        AssertHex("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d", shared);

        using var transcript = new TlsTranscript();
        transcript.Select(CipherSuite.Aes128GcmSha256);
        transcript.Append(Hex(ClientHello));
        transcript.Append(Hex(ServerHello));
        AssertHex("860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8", Hash(transcript));
        using var schedule = new TlsKeySchedule(CipherSuite.Aes128GcmSha256);
        schedule.EnterHandshake(shared, Hash(transcript));
        AssertHex("1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac", schedule.Current);
        AssertHex("b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21", schedule.ClientHandshakeTraffic);
        AssertHex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38", schedule.ServerHandshakeTraffic);

        transcript.Append(Hex(EncryptedExtensions));
        transcript.Append(Hex(Certificate));
        transcript.Append(Hex(CertificateVerify));
        AssertHex(ServerFinished[8..], Finished(schedule, schedule.ServerHandshakeTraffic, transcript));
        transcript.Append(Hex(ServerFinished));

        schedule.EnterApplication(Hash(transcript));
        AssertHex("18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919", schedule.Current);
        AssertHex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5", schedule.ClientApplicationTraffic);
        AssertHex("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643", schedule.ServerApplicationTraffic);
        AssertHex("fe22f881176eda18eb8f44529e6792c50c9a3f89452f68d8ae311b4309d3cf50", schedule.ExporterMaster);
        AssertHex(ClientFinished[8..], Finished(schedule, schedule.ClientHandshakeTraffic, transcript));
        transcript.Append(Hex(ClientFinished));
        AssertHex("209145a96ee8e2a122ff810047cc952684658d6049e86429426db87c54ad143d", Hash(transcript));
    }

    [Fact]
    public void Record_keys_of_the_simple_handshake()
    {
        var key = new byte[16];
        var iv = new byte[12];
        var secret = Hex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
        HkdfLabel.Expand(HashAlgorithmName.SHA256, secret, "key"u8, default, key);
        HkdfLabel.Expand(HashAlgorithmName.SHA256, secret, "iv"u8, default, iv);
        AssertHex("3fce516009c21727d0f2e4e86ee403bc", key);
        AssertHex("5d313eb2671276ee13000b30", iv);
    }

    [Fact]
    public void Handshake_with_hello_retry_request()
    {
        using var client = P256Exchange.FromPrivateKey(
            Hex("ab5473467e19346ceb0a0414e41da21d4d2445bc3025afe97c4e8dc8d513da39"));
        var serverHello = Hex(RetryServerHello);
        var shared = new byte[32];
        // The share ends before supported_versions, which has six bytes.
        Assert.True(client.TryAgree(serverHello.AsSpan(serverHello.Length - 6 - 65, 65), shared));

        using var transcript = new TlsTranscript();
        transcript.AppendBeforeSelection(Hex(RetryClientHello1));
        transcript.Select(CipherSuite.Aes128GcmSha256);
        transcript.ReplaceByMessageHash();
        transcript.Append(Hex(HelloRetryRequest));
        transcript.Append([.. Hex(RetryClientHello2), .. new byte[0xaf]]);
        transcript.Append(serverHello);
        AssertHex("8aa8e828ec2f8a884fec95a3139de01c15a3daa7ff5bfc3f4bfcc21b438d7bf8", Hash(transcript));
        using var schedule = new TlsKeySchedule(CipherSuite.Aes128GcmSha256);
        schedule.EnterHandshake(shared, Hash(transcript));
        AssertHex("ce022e5e6e81e50736d773f2d3adfce8220d049bf510f0dbfac927ef4243b148", schedule.Current);
        AssertHex("158aa7ab8855073582b41d674b4055cabcc534728f659314861b4e08e2011566", schedule.ClientHandshakeTraffic);
        AssertHex("3403e781e2af7b6508da28574f6e95a1abf162de83a97927c37672a4a0cef8a1", schedule.ServerHandshakeTraffic);
    }

    private static byte[] Hex(string hex) => Convert.FromHexString(hex);

    private static void AssertHex(string expected, ReadOnlySpan<byte> actual) =>
        Assert.Equal(expected, Convert.ToHexStringLower(actual));

    private static byte[] Hash(TlsTranscript transcript) => transcript.Current(new byte[48]).ToArray();

    private static byte[] Finished(TlsKeySchedule schedule, ReadOnlySpan<byte> secret, TlsTranscript transcript) =>
        schedule.ComputeFinished(secret, Hash(transcript), new byte[48]).ToArray();
}
