using Mosaik.Quic.Crypto;
using Mosaik.Quic.Tls;

namespace Mosaik.Quic.Tests.Tls;

/// <summary>What a server answers to a client that cannot or will not authenticate itself.</summary>
public sealed class HostileClientFlightTests
{
    private static readonly Dictionary<string, (Action<TlsPuppet> Edit, int? Alert)> Flights = new()
    {
        ["honest"] = (_ => { }, null),
        ["empty certificate list"] = (p => p.CertificateList = [], 116),
        ["certificate context"] = (p => p.CertificateContext = [1], 47),
        ["two certificates"] = (p => p.CertificateList = [.. Entry(p), .. Entry(p)], 42),
        ["entry extension"] = (p => p.EntryExtensions = [0, 5, 0, 0], 110),
        ["entry extension twice"] = (p => p.EntryExtensions = [0, 5, 0, 0, 0, 5, 0, 0], 47),
        ["malformed entry extension"] = (p => p.EntryExtensions = [0, 5, 0, 1], 50),
        ["malformed entry"] = (p => p.CertificateList = [0, 0, 9, 1], 50),
        ["X.509 bytes"] =
            (p => p.SubjectPublicKeyInfo = X509Start, 42),
        ["other OID"] = (p => p.SubjectPublicKeyInfo = Spki("302a300506032b6571032100", p), 42),
        ["with parameters"] = (p => p.SubjectPublicKeyInfo = Spki("302c300706032b65700500032100", p), 42),
        ["31-byte key"] = (p => p.SubjectPublicKeyInfo = p.SubjectPublicKeyInfo[..^1], 42),
        ["33-byte key"] = (p => p.SubjectPublicKeyInfo = [.. p.SubjectPublicKeyInfo, 0], 42),
        ["key of another peer"] =
            (p => p.SubjectPublicKeyInfo = [.. RawPublicKey.Prefix, .. TlsPair.ServerIdentity.PublicKey.Span], 51),
        ["small order"] = (p => SetBadPoint(p, "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), 51),
        ["identity point"] =
            (p => SetBadPoint(p, "0100000000000000000000000000000000000000000000000000000000000000"), 51),
        ["non-canonical y"] =
            (p => SetBadPoint(p, "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"), 51),
        ["no point at all"] =
            (p => SetBadPoint(p, "0200000000000000000000000000000000000000000000000000000000000000"), 51),
        ["no Certificate"] = (p => p.Edit = OnlyIn("Certificate", _ => []), 10),
        ["no CertificateVerify"] = (p => p.Edit = OnlyIn("CertificateVerify", _ => []), 10),
        ["Certificate twice"] = (p => p.Edit = OnlyIn("Certificate", m => [.. m, .. m]), 10),
        ["server context signed"] = (p => p.SignAsOtherRole = true, 51),
        ["ECDSA scheme"] = (p => p.Scheme = 0x0403, 51),
        ["wrong signature"] = (p => p.EditSignature = s => { s[3] ^= 4; return s; }, 51),
        ["long signature"] = (p => p.EditSignature = s => [.. s, 0], 51),
        ["malformed CertificateVerify"] =
            (p => p.Edit = OnlyIn("CertificateVerify", m => TlsMessages.Message(15, m[4..^1])), 50),
        ["flipped Finished"] = (p => p.EditFinished = f => { f[^1] ^= 1; return f; }, 51),
        ["empty Finished"] = (p => p.EditFinished = _ => [], 50),
        ["EndOfEarlyData"] = (p => p.Edit = OnlyIn("Certificate", m => [5, 0, 0, 0, .. m]), 10),
        ["KeyUpdate"] = (p => p.Edit = OnlyIn("Finished", m => [24, 0, 0, 1, 0, .. m]), 10),
        ["bytes after Finished"] = (p => p.Edit = OnlyIn("Finished", m => [.. m, 0]), 10),
        ["length 2^24 - 1"] = (p => p.Edit = OnlyIn("Certificate", m => [11, 0xff, 0xff, 0xff, .. m[4..]]), 50),
    };

    // How an X.509 certificate begins.
    private static byte[] X509Start =>
        TlsMessages.Hex("308201ac30820115a003020102020102300d06092a864886f70d01010b0500");

    public static TheoryData<string> FlightNames => [.. Flights.Keys];

    [Theory]
    [MemberData(nameof(FlightNames))]
    public void Judges_a_client_flight(string name)
    {
        var (edit, alert) = Flights[name];
        using var server = TlsPair.StartServer();
        using var puppet = EnterHandshake(server);
        edit(puppet);
        var flight = puppet.Flight();
        if (alert is { } code)
        {
            AssertFails(server, EncryptionLevel.Handshake, flight, code);
            // Only what follows a good Finished finds an authenticated peer; the connection ends all the same.
            Assert.Equal(name == "bytes after Finished", !server.Core.PeerPublicKey.IsEmpty);
            return;
        }
        Assert.True(server.Core.Receive(EncryptionLevel.Handshake, flight), server.Core.Reason);
        server.Drain();
        Assert.True(server.SawComplete);
        Assert.Equal(TlsPair.ClientIdentity.PublicKey.ToArray(), server.Core.PeerPublicKey.ToArray());
    }

    [Fact]
    public void One_byte_at_a_time_fails_like_one_piece()
    {
        using var server = TlsPair.StartServer();
        using var puppet = EnterHandshake(server);
        puppet.EditFinished = verifyData => { verifyData[7] ^= 1; return verifyData; };
        var flight = puppet.Flight();
        for (var i = 0; i < flight.Length - 1; i++)
            Assert.True(server.Core.Receive(EncryptionLevel.Handshake, flight.AsSpan(i, 1)));
        AssertFails(server, EncryptionLevel.Handshake, flight[^1..], 51);
    }

    [Fact]
    public void Nothing_may_come_at_another_level_before_the_end()
    {
        foreach (var level in (EncryptionLevel[])[EncryptionLevel.Initial, EncryptionLevel.OneRtt])
        {
            using var server = TlsPair.StartServer();
            using var puppet = EnterHandshake(server);
            AssertFails(server, level, puppet.Flight(), 10);
        }
    }

    [Theory]
    [InlineData(13, -0x0a)]
    [InlineData(24, 10)]
    [InlineData(4, 10)]
    [InlineData(1, 10)]
    [InlineData(11, 10)]
    public void After_the_handshake_nothing_is_tolerated(byte type, int alert)
    {
        using var server = TlsPair.StartServer();
        using var puppet = EnterHandshake(server);
        Assert.True(server.Core.Receive(EncryptionLevel.Handshake, puppet.Flight()));
        AssertFails(server, EncryptionLevel.OneRtt, TlsMessages.Message(type, 0), alert);
    }

    private static TlsPuppet EnterHandshake(TlsHarness server)
    {
        var puppet = new TlsPuppet(isServer: false);
        var hello = TlsPair.PuppetClientHello();
        Assert.True(server.Core.Receive(EncryptionLevel.Initial, hello), server.Core.Reason);
        server.Drain();
        var serverHello = server.Sent(EncryptionLevel.Initial);
        puppet.Observe(hello);
        puppet.Observe(serverHello);
        puppet.EnterHandshake(TlsPair.ShareOfServerHello(serverHello, NamedGroup.X25519));
        puppet.ObserveAll(server.Sent(EncryptionLevel.Handshake));
        return puppet;
    }

    private static void AssertFails(TlsHarness server, EncryptionLevel level, byte[] bytes, int alert)
    {
        Assert.False(server.Core.Receive(level, bytes));
        Assert.Equal(alert < 0 ? (QuicError)(-alert) : TlsPair.ErrorOf(alert), server.Core.ErrorCode);
        Assert.False(server.Core.TryPollEvent(out _));
    }

    // R is the neutral element and S = 0: a lax verifier accepts it under every key of small order.
    private static void SetBadPoint(TlsPuppet puppet, string key)
    {
        puppet.SubjectPublicKeyInfo = [.. RawPublicKey.Prefix, .. TlsMessages.Hex(key)];
        puppet.EditSignature = _ => [1, .. new byte[63]];
    }

    private static Func<string, byte[], byte[]> OnlyIn(string name, Func<byte[], byte[]> edit) =>
        (actual, message) => actual == name ? edit(message) : message;

    private static byte[] Entry(TlsPuppet puppet) => [.. TlsMessages.Vector24(puppet.SubjectPublicKeyInfo), 0, 0];

    private static byte[] Spki(string prefix, TlsPuppet puppet) =>
        [.. TlsMessages.Hex(prefix), .. puppet.Identity.PublicKey.Span];
}
