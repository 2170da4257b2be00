using Mosaik.Quic.Crypto;
using Mosaik.Quic.Tls;

namespace Mosaik.Quic.Tests.Tls;

/// <summary>
/// What a client answers to a wrong server: the right column of spec/quic.md §3.7 and the list of §17.
/// </summary>
public sealed class HostileServerTests
{
    private const string SmallOrder = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a";
    private const string NonCanonical = "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f";

    private static readonly byte[] ServerRandom = [.. Enumerable.Repeat((byte)0x77, 32)];

    private static readonly Dictionary<string, (Action<TlsPuppet> Edit, int Alert)> Hellos = new()
    {
        ["suite not offered"] = (p => p.SuiteBytes = [0x13, 0x04], 47),
        ["legacy version 0302"] = (p => p.Version = [3, 2], 47),
        ["session id"] = (p => p.SessionId = [1], 47),
        ["compression"] = (p => p.Compression = 1, 47),
        ["no supported_versions"] = (p => p.HelloExtensions = [Share(p)], 47),
        ["version 0303"] = (p => p.HelloExtensions = [(43, [3, 3]), Share(p)], 47),
        ["malformed version"] = (p => p.HelloExtensions = [(43, [3]), Share(p)], 50),
        ["no key_share"] = (p => p.HelloExtensions = [(43, [3, 4])], 109),
        ["empty key_share"] = (p => p.HelloExtensions = [(43, [3, 4]), (51, [])], 50),
        ["truncated key_share"] = (p => p.HelloExtensions = [(43, [3, 4]), (51, [0, 0x1d, 0, 32, 1])], 50),
        ["group not offered"] = (p => p.HelloExtensions = [(43, [3, 4]), (51, [0, 0x18, 0, 1, 1])], 47),
        ["group offered without a share"] = (p => p.HelloExtensions = [(43, [3, 4]), (51, [0, 0x17, 0, 1, 1])], 47),
        ["share of 31 bytes"] = (p => p.HelloExtensions = [(43, [3, 4]), (51, [0, 0x1d, 0, 31, .. new byte[31]])], 47),
        ["X25519 result of zero"] =
            (p => p.HelloExtensions = [(43, [3, 4]), (51, [0, 0x1d, 0, 32, .. new byte[32]])], 47),
        ["unknown extension"] = (p => p.HelloExtensions = [(43, [3, 4]), Share(p), (0xabc, [])], 110),
        ["pre_shared_key"] = (p => p.HelloExtensions = [(43, [3, 4]), Share(p), (41, [0, 0])], 110),
        ["cookie outside of a retry"] = (p => p.HelloExtensions = [(43, [3, 4]), Share(p), (44, [0, 1, 1])], 110),
        ["ALPN in ServerHello"] = (p => p.HelloExtensions = [(43, [3, 4]), Share(p), (16, [0, 2, 1, 0x61])], 47),
        ["extension twice"] = (p => p.HelloExtensions = [(43, [3, 4]), (43, [3, 4]), Share(p)], 47),
    };

    private static readonly Dictionary<string, (Action<TlsPuppet> Edit, int? Alert)> Retries = new()
    {
        ["another offered group"] = (p => p.HelloExtensions = [(43, [3, 4]), (51, [0, 0x17])], null),
        ["a cookie alone"] = (p => p.HelloExtensions = [(43, [3, 4]), (44, [0, 2, 7, 8])], null),
        ["group and cookie"] = (p => p.HelloExtensions = [(44, [0, 1, 7]), (51, [0, 0x17]), (43, [3, 4])], null),
        ["unknown group"] = (p => p.HelloExtensions = [(43, [3, 4]), (51, [0, 0x18])], 47),
        ["group already shared"] = (p => p.HelloExtensions = [(43, [3, 4]), (51, [0, 0x1d])], 47),
        ["nothing to change"] = (p => p.HelloExtensions = [(43, [3, 4])], 47),
        ["a whole share"] = (p => p.HelloExtensions = [(43, [3, 4]), (51, [0, 0x17, 0, 1, 1])], 50),
        ["empty cookie"] = (p => p.HelloExtensions = [(43, [3, 4]), (44, [0, 0])], 50),
        ["unknown extension"] = (p => p.HelloExtensions = [(43, [3, 4]), (51, [0, 0x17]), (0xabc, [])], 110),
        ["without version"] = (p => p.HelloExtensions = [(51, [0, 0x17])], 47),
        ["suite not offered"] =
            (p => { p.HelloExtensions = [(43, [3, 4]), (51, [0, 0x17])]; p.SuiteBytes = [0x13, 5]; }, 47),
    };

    private static readonly Dictionary<string, (Action<TlsPuppet> Edit, int? Alert)> Flights = new()
    {
        ["honest"] = (_ => { }, null),
        ["empty server_name and supported_groups"] =
            (p => p.Encrypted.AddRange([(0, []), (10, [0, 2, 0, 0x1d])]), null),
        ["further extensions in the request"] = (p => p.Request.Add((5, [])), null),
        ["unknown extension"] = (p => p.Encrypted.Add((0xabc, [])), 110),
        ["record_size_limit"] = (p => p.Encrypted.Add((28, [0x40, 0])), 110),
        ["early_data"] = (p => p.Encrypted.Add((42, [])), 110),
        ["server_name with content"] = (p => p.Encrypted.Add((0, [0])), 50),
        ["key_share in the wrong message"] = (p => p.Encrypted.Add((51, [])), 47),
        ["extension twice"] = (p => p.Encrypted.Add((19, [2])), 47),
        ["no client_certificate_type"] = (p => p.Encrypted.RemoveAll(e => e.Type == 19), 43),
        ["no server_certificate_type"] = (p => p.Encrypted.RemoveAll(e => e.Type == 20), 43),
        ["X.509 agreed"] = (p => p.Encrypted[2] = (20, [0]), 43),
        ["list of certificate types"] = (p => p.Encrypted[1] = (19, [1, 2]), 50),
        ["no ALPN"] = (p => p.Encrypted.RemoveAt(0), 120),
        ["unknown ALPN"] = (p => p.Encrypted[0] = (16, [0, 2, 1, 0x61]), 120),
        ["two ALPN names"] = (p => p.Encrypted[0] = (16, [0, 4, 1, 0x61, 1, 0x62]), 50),
        ["empty ALPN name"] = (p => p.Encrypted[0] = (16, [0, 1, 0]), 50),
        ["no transport parameters"] = (p => p.Encrypted.RemoveAt(3), 109),
        ["trailing byte in EncryptedExtensions"] =
            (p => p.Edit = OnlyIn("EncryptedExtensions", m => TlsMessages.Message(8, [.. m[4..], 0])), 50),
        ["no EncryptedExtensions"] = (p => p.Edit = OnlyIn("EncryptedExtensions", _ => []), 10),
        ["no CertificateRequest"] = (p => p.Edit = OnlyIn("CertificateRequest", _ => []), 40),
        ["request without Ed25519"] = (p => p.Request[0] = (13, [0, 2, 4, 3]), 40),
        ["request without schemes"] = (p => p.Request.Clear(), 40),
        ["request with malformed schemes"] = (p => p.Request[0] = (13, [0, 3, 8, 7, 0]), 50),
        ["request with a context"] = (p => p.RequestContext = [1], 47),
        ["request with an extension twice"] = (p => p.Request.Add((13, [0, 2, 8, 7])), 47),
        ["two CertificateRequests"] = (p => p.Edit = OnlyIn("CertificateRequest", m => [.. m, .. m]), 10),
        ["KeyUpdate in the flight"] = (p => p.Edit = OnlyIn("Certificate", m => [24, 0, 0, 1, 0, .. m]), 10),
        ["no Certificate"] = (p => p.Edit = OnlyIn("Certificate", _ => []), 10),
        ["empty certificate list"] = (p => p.CertificateList = [], 50),
        ["certificate context"] = (p => p.CertificateContext = [1], 47),
        ["two certificates"] = (p => p.CertificateList = [.. Entry(p), .. Entry(p)], 42),
        ["entry extension"] = (p => p.EntryExtensions = [0, 5, 0, 0], 110),
        ["malformed entry"] = (p => p.CertificateList = [0, 0, 9, 1], 50),
        ["empty entry"] = (p => p.CertificateList = [0, 0, 0, 0, 0], 50),
        ["X.509 bytes"] =
            (p => p.SubjectPublicKeyInfo = X509Start, 42),
        ["other OID"] = (p => p.SubjectPublicKeyInfo = Spki("302a300506032b6571032100", p), 42),
        ["with parameters"] = (p => p.SubjectPublicKeyInfo = Spki("302c300706032b65700500032100", p), 42),
        ["31-byte key"] = (p => p.SubjectPublicKeyInfo = p.SubjectPublicKeyInfo[..^1], 42),
        ["33-byte key"] = (p => p.SubjectPublicKeyInfo = [.. p.SubjectPublicKeyInfo, 0], 42),
        ["unused bits"] = (p => p.SubjectPublicKeyInfo = Spki("302a300506032b6570032101", p), 42),
        ["another peer"] =
            (p => p.SubjectPublicKeyInfo = [.. RawPublicKey.Prefix, .. TlsPair.ClientIdentity.PublicKey.Span], 42),
        ["no CertificateVerify"] = (p => p.Edit = OnlyIn("CertificateVerify", _ => []), 10),
        ["client context signed"] = (p => p.SignAsOtherRole = true, 51),
        ["ECDSA scheme"] = (p => p.Scheme = 0x0403, 51),
        ["wrong signature"] = (p => p.EditSignature = s => { s[40] ^= 1; return s; }, 51),
        ["short signature"] = (p => p.EditSignature = s => s[..63], 51),
        ["no signature"] = (p => p.EditSignature = _ => [], 51),
        ["malformed CertificateVerify"] =
            (p => p.Edit = OnlyIn("CertificateVerify", m => TlsMessages.Message(15, [.. m[4..], 0])), 50),
        ["flipped Finished"] = (p => p.EditFinished = f => { f[0] ^= 0x80; return f; }, 51),
        ["short Finished"] = (p => p.EditFinished = f => f[1..], 50),
        ["long Finished"] = (p => p.EditFinished = f => [.. f, 0], 50),
        ["bytes after Finished"] = (p => p.Edit = OnlyIn("Finished", m => [.. m, 4]), 10),
        ["Finished twice"] = (p => p.Edit = OnlyIn("Finished", m => [.. m, .. m]), 10),
    };

    public static TheoryData<string> HelloNames => [.. Hellos.Keys];

    public static TheoryData<string> RetryNames => [.. Retries.Keys];

    // How an X.509 certificate begins.
    private static byte[] X509Start =>
        TlsMessages.Hex("308201ac30820115a003020102020102300d06092a864886f70d01010b0500");

    public static TheoryData<string> FlightNames => [.. Flights.Keys];

    [Theory]
    [MemberData(nameof(HelloNames))]
    public void Refuses_a_server_hello(string name)
    {
        var (edit, alert) = Hellos[name];
        using var client = TlsPair.StartClient();
        using var puppet = new TlsPuppet(isServer: true);
        edit(puppet);
        AssertFails(client, EncryptionLevel.Initial, puppet.Hello(ServerRandom), alert);
    }

    [Theory]
    [MemberData(nameof(RetryNames))]
    public void Judges_a_hello_retry_request(string name)
    {
        var (edit, alert) = Retries[name];
        using var client = TlsPair.StartClient();
        var first = client.Take(EncryptionLevel.Initial);
        using var puppet = new TlsPuppet(isServer: true);
        edit(puppet);
        var retry = puppet.Hello(TlsConstants.HelloRetryRandom);
        if (alert is { } code)
        {
            AssertFails(client, EncryptionLevel.Initial, retry, code);
            return;
        }
        Assert.True(client.Core.Receive(EncryptionLevel.Initial, retry), client.Core.Reason);
        client.Drain();
        var second = client.Take(EncryptionLevel.Initial);
        Assert.True(ClientHello.TryParse(first.AsSpan(4), out var one));
        Assert.True(ClientHello.TryParse(second.AsSpan(4), out var two));
        Assert.True(one.IsRepeatedBy(two));
        Assert.Equal(
            puppet.HelloExtensions!.Where(e => e.Type == 44).Select(e => e.Data),
            TlsMessages.Split(two.Extensions).Where(e => e.Type == 44).Select(e => e.Data));
        // A second one is refused, whatever it says.
        AssertFails(client, EncryptionLevel.Initial, retry, 10);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Refuses_a_server_hello_that_differs_from_its_retry(bool otherSuite)
    {
        using var client = TlsPair.StartClient();
        using var puppet = new TlsPuppet(isServer: true) { HelloExtensions = [(43, [3, 4]), (51, [0, 0x17])] };
        Assert.True(client.Core.Receive(EncryptionLevel.Initial, puppet.Hello(TlsConstants.HelloRetryRandom)));
        puppet.HelloExtensions = null;
        if (otherSuite)
        {
            puppet.Exchange = P256Exchange.Create(new SeededRandom(9));
            puppet.SuiteBytes = [0x13, 0x01];
        }
        AssertFails(client, EncryptionLevel.Initial, puppet.Hello(ServerRandom), 47);
    }

    [Theory]
    [MemberData(nameof(FlightNames))]
    public void Judges_a_server_flight(string name)
    {
        var (edit, alert) = Flights[name];
        using var client = TlsPair.StartClient();
        using var puppet = new TlsPuppet(isServer: true);
        EnterHandshake(client, puppet);
        edit(puppet);
        var flight = puppet.Flight();
        if (alert is { } code)
        {
            AssertFails(client, EncryptionLevel.Handshake, flight, code);
            Assert.Equal(
                name == "another peer" ? TlsPair.ClientIdentity.PublicKey.ToArray() : [],
                client.Core.UnexpectedPeerKey.ToArray());
            return;
        }
        Assert.True(client.Core.Receive(EncryptionLevel.Handshake, flight), client.Core.Reason);
        client.Drain();
        Assert.True(client.SawComplete);
    }

    [Theory]
    [InlineData(SmallOrder)]
    [InlineData(NonCanonical)]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")]
    public void Nothing_verifies_under_a_bad_point_even_if_it_was_dialled(string key)
    {
        var bad = TlsMessages.Hex(key);
        using var client = TlsPair.StartClient(TlsPair.ClientSettings with { Random = new SeededRandom(1), ExpectedPeerKey = bad });
        using var puppet = new TlsPuppet(isServer: true);
        EnterHandshake(client, puppet);
        puppet.SubjectPublicKeyInfo = [.. RawPublicKey.Prefix, .. bad];
        // R is the neutral element and S = 0: a lax verifier accepts it under every key of small order.
        puppet.EditSignature = _ => [1, .. new byte[63]];
        AssertFails(client, EncryptionLevel.Handshake, puppet.Flight(), 51);
    }

    [Fact]
    public void Refuses_server_name_that_was_not_asked_for()
    {
        using var client = TlsPair.StartClient(TlsPair.ClientSettings with { Random = new SeededRandom(1), ServerName = null });
        using var puppet = new TlsPuppet(isServer: true);
        EnterHandshake(client, puppet);
        puppet.Encrypted.Add((0, []));
        AssertFails(client, EncryptionLevel.Handshake, puppet.Flight(), 110);
    }

    [Fact]
    public void Refuses_wrong_levels_types_and_lengths()
    {
        using var puppet = new TlsPuppet(isServer: true);
        var hello = puppet.Hello(ServerRandom);
        foreach (var (level, bytes, alert) in ((EncryptionLevel, byte[], int)[])
            [
                (EncryptionLevel.Handshake, hello, 10),
                (EncryptionLevel.OneRtt, hello, 10),
                (EncryptionLevel.Initial, [.. hello, 2], 10),
                (EncryptionLevel.Initial, TlsMessages.Message(1, 1, 2, 3), 10),
                (EncryptionLevel.Initial, TlsMessages.Message(24, 0), 10),
                (EncryptionLevel.Initial, TlsMessages.Message(8, 0, 0), 10),
                (EncryptionLevel.Initial, [2, 0xff, 0xff, 0xff], 50),
                (EncryptionLevel.Initial, [2, 0, 0x40, 1], 50),
                (EncryptionLevel.Initial, TlsMessages.Message(2, [.. hello[4..], 0]), 50),
            ])
        {
            using var client = TlsPair.StartClient();
            AssertFails(client, level, bytes, alert);
        }
        for (var length = 4; length < hello.Length; length++)
        {
            using var client = TlsPair.StartClient();
            AssertFails(client, EncryptionLevel.Initial, TlsMessages.Message(2, hello[4..length]), 50);
        }
    }

    [Theory]
    [InlineData(13, -0x0a)]
    [InlineData(24, 10)]
    [InlineData(8, 10)]
    [InlineData(1, 10)]
    [InlineData(20, 10)]
    [InlineData(5, 10)]
    public void After_the_handshake_only_tickets_are_tolerated(byte type, int alert)
    {
        using var client = TlsPair.StartClient();
        using var puppet = new TlsPuppet(isServer: true);
        EnterHandshake(client, puppet);
        Assert.True(client.Core.Receive(EncryptionLevel.Handshake, puppet.Flight()));
        AssertFails(client, EncryptionLevel.OneRtt, TlsMessages.Message(type, 0), alert);
    }

    private static void EnterHandshake(TlsHarness client, TlsPuppet puppet)
    {
        var clientHello = client.Take(EncryptionLevel.Initial);
        puppet.Observe(clientHello);
        var hello = puppet.Hello(ServerRandom);
        puppet.Observe(hello);
        puppet.EnterHandshake(TlsPair.ShareOf(clientHello, NamedGroup.X25519));
        Assert.True(client.Core.Receive(EncryptionLevel.Initial, hello), client.Core.Reason);
    }

    private static void AssertFails(TlsHarness client, EncryptionLevel level, byte[] bytes, int alert)
    {
        Assert.False(client.Core.Receive(level, bytes));
        Assert.Equal(alert < 0 ? (QuicError)(-alert) : TlsPair.ErrorOf(alert), client.Core.ErrorCode);
        Assert.False(client.Core.TryPollEvent(out _));
    }

    private static Func<string, byte[], byte[]> OnlyIn(string name, Func<byte[], byte[]> edit) =>
        (actual, message) => actual == name ? edit(message) : message;

    private static (ushort Type, byte[] Data) Share(TlsPuppet puppet) =>
        (51, [0, 0x1d, .. TlsMessages.Vector16(puppet.Exchange.PublicShare.ToArray())]);

    private static byte[] Entry(TlsPuppet puppet) => [.. TlsMessages.Vector24(puppet.SubjectPublicKeyInfo), 0, 0];

    private static byte[] Spki(string prefix, TlsPuppet puppet) =>
        [.. TlsMessages.Hex(prefix), .. puppet.Identity.PublicKey.Span];
}
