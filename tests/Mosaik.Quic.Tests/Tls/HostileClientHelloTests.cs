using Mosaik.Quic.Crypto;
using Mosaik.Quic.Tls;

namespace Mosaik.Quic.Tests.Tls;

/// <summary>
/// What a server answers to a wrong ClientHello: the left column of spec/quic.md §3.7 and the list of §17.
/// </summary>
public sealed class HostileClientHelloTests
{
    private const int ProtocolViolation = -0x0a;

    private static readonly Dictionary<string, (Action<EditableClientHello> Edit, int Alert)> Cases = new()
    {
        ["legacy session id"] = (h => h.SessionId = [1], ProtocolViolation),
        ["32-byte session id"] = (h => h.SessionId = new byte[32], ProtocolViolation),
        ["compression offered"] = (h => h.Compression = [0, 1], 47),
        ["only another compression"] = (h => h.Compression = [1], 47),
        ["no compression method"] = (h => h.Compression = [], 50),
        ["known extension twice"] = (h => h.Extensions.Add((10, [0, 2, 0, 0x1d])), 47),
        ["unknown extension twice"] = (h => h.Extensions.AddRange([(0xabcd, []), (0xabcd, [])]), 47),
        ["no supported_versions"] = (h => h.Remove(43), 70),
        ["TLS 1.2 only"] = (h => h.Set(43, 2, 3, 3), 70),
        ["empty versions"] = (h => h.Set(43, 0), 50),
        ["odd versions"] = (h => h.Set(43, 3, 3, 4, 3), 50),
        ["no common suite"] = (h => h.Suites = [0x13, 0x04, 0x00, 0xff], 40),
        ["no suite"] = (h => h.Suites = [], 50),
        ["odd suites"] = (h => h.Suites = [0x13, 0x02, 0x13], 50),
        ["no common group"] = (h => { h.Set(10, 0, 2, 0, 0x18); h.Set(51, 0, 6, 0, 0x18, 0, 2, 4, 4); }, 40),
        ["no Ed25519"] = (h => h.Set(13, 0, 4, 4, 3, 5, 3), 40),
        ["empty signature_algorithms"] = (h => h.Set(13, 0, 0), 50),
        ["no supported_groups"] = (h => h.Remove(10), 109),
        ["no signature_algorithms"] = (h => h.Remove(13), 109),
        ["no key_share"] = (h => h.Remove(51), 109),
        ["no transport parameters"] = (h => h.Remove(57), 109),
        ["no client_certificate_type"] = (h => h.Remove(19), 43),
        ["no server_certificate_type"] = (h => h.Remove(20), 43),
        ["X.509 client certificate"] = (h => h.Set(19, 1, 0), 43),
        ["X.509 server certificate"] = (h => h.Set(20, 1, 0), 43),
        ["empty certificate types"] = (h => h.Set(19, 0), 50),
        ["no ALPN"] = (h => h.Remove(16), 120),
        ["unknown ALPN"] = (h => h.Set(16, 0, 3, 2, 0x68, 0x33), 120),
        ["empty ALPN list"] = (h => h.Set(16, 0, 0), 50),
        ["empty ALPN name"] = (h => h.Set(16, 0, 1, 0), 50),
        ["ALPN name beyond its list"] = (h => h.Set(16, 0, 2, 9, 0x61), 50),
        ["share of 31 bytes"] = (h => SetShare(h, NamedGroup.X25519, new byte[31]), 47),
        ["share of 33 bytes"] = (h => SetShare(h, NamedGroup.X25519, new byte[33]), 47),
        ["empty share"] = (h => SetShare(h, NamedGroup.X25519, []), 50),
        ["X25519 result of zero"] = (h => SetShare(h, NamedGroup.X25519, new byte[32]), 47),
        ["X25519 point of order 8"] =
            (h => SetShare(h, NamedGroup.X25519, OrderEight), 47),
        ["P-256 compressed"] = (h => SetShare(h, NamedGroup.P256, [2, .. new byte[32]]), 47),
        ["P-256 off the curve"] = (h => SetShare(h, NamedGroup.P256, [4, .. new byte[64]]), 47),
        ["share twice"] =
            (h => h.Set(51, TlsMessages.Vector16([.. Share(NamedGroup.X25519), .. Share(NamedGroup.X25519)])), 47),
        ["share for a group that is not listed"] = (h => h.Set(10, 0, 2, 0, 0x17), 47),
        ["truncated share list"] = (h => h.Set(51, 0, 3, 0, 0x1d, 0), 50),
        ["pre_shared_key in the middle"] = (h => h.Extensions.Insert(0, (41, [0, 0])), 47),
        ["trailing byte"] = (h => h.Trailing = [0], 50),
    };

    private static readonly Dictionary<string, Action<EditableClientHello>> Harmless = new()
    {
        ["reversed order"] = h => h.Extensions.Reverse(),
        ["what GnuTLS and rustls add"] = h =>
        {
            h.Set(5, 1, 0, 0, 0, 0);
            h.Set(11, 1, 0);
            h.Set(22);
            h.Set(23);
            h.Set(28, 0x40, 0);
            h.Set(35);
            h.Set(45, 1, 1);
            h.Set(0xff01, 0);
        },
        ["grease and oversized unknown extensions"] = h =>
        {
            h.Set(0x1a1a, 0);
            h.Set(0xfafa, new byte[8_000]);
        },
        ["resumption attempt"] = h =>
        {
            h.Set(42);
            h.Set(41, 0, 0);
        },
        ["no SNI"] = h => h.Remove(0),
        ["SNI garbage"] = h => h.Set(0, 9, 9, 9),
        ["other legacy version"] = h => h.Version = [3, 1],
        ["more schemes, groups, suites and versions"] = h =>
        {
            h.Set(13, 0, 6, 5, 3, 4, 3, 8, 7);
            h.Set(10, 0, 8, 0x11, 0xec, 0, 0x18, 0, 0x17, 0, 0x1d);
            h.Suites = [0x1a, 0x1a, 0x13, 0x04, 0x13, 0x01];
            h.Set(43, 6, 0x1a, 0x1a, 3, 4, 3, 3);
        },
        ["share of an unknown group first"] = h =>
            h.Set(51, TlsMessages.Vector16([0x11, 0xec, 4, 0, .. new byte[1024], .. Share(NamedGroup.X25519)])),
        ["X.509 beside raw keys"] = h => h.Set(19, 2, 0, 2),
    };

    // A point of order 8 (RFC 7748 §7 speaks of such points).
    private static byte[] OrderEight =>
        TlsMessages.Hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800");

    public static TheoryData<string> CaseNames => [.. Cases.Keys];

    public static TheoryData<string> HarmlessNames => [.. Harmless.Keys];

    [Theory]
    [MemberData(nameof(CaseNames))]
    public void Refuses_with_the_exact_error(string name)
    {
        var (edit, alert) = Cases[name];
        using var server = TlsPair.StartServer();
        Assert.False(server.Core.Receive(EncryptionLevel.Initial, TlsPair.PuppetClientHello(edit)));
        Assert.Equal(alert < 0 ? (QuicError)(-alert) : TlsPair.ErrorOf(alert), server.Core.ErrorCode);
        Assert.NotNull(server.Core.Reason);
        Assert.False(server.Core.TryPollEvent(out _));
    }

    [Theory]
    [MemberData(nameof(HarmlessNames))]
    public void Accepts_what_honest_strangers_send(string name)
    {
        using var server = TlsPair.StartServer();
        Assert.True(server.Core.Receive(EncryptionLevel.Initial, TlsPair.PuppetClientHello(Harmless[name])), server.Core.Reason);
        server.Drain();
        Assert.NotEmpty(server.Sent(EncryptionLevel.Handshake));
    }

    [Fact]
    public void Refuses_every_truncation()
    {
        var hello = TlsPair.PuppetClientHello();
        for (var length = 4; length < hello.Length; length++)
        {
            using var server = TlsPair.StartServer();
            Assert.False(server.Core.Receive(EncryptionLevel.Initial, TlsMessages.Message(1, hello[4..length])));
            Assert.Equal(TlsPair.ErrorOf(50), server.Core.ErrorCode);
        }
    }

    [Fact]
    public void Refuses_lengths_beyond_the_limit_before_storing_anything()
    {
        foreach (var length in (int[])[16_385, 0xffffff])
        {
            using var server = TlsPair.StartServer();
            byte[] header = [1, (byte)(length >> 16), (byte)(length >> 8), (byte)length];
            Assert.True(server.Core.Receive(EncryptionLevel.Initial, header.AsSpan(0, 3)));
            var before = GC.GetAllocatedBytesForCurrentThread();
            Assert.False(server.Core.Receive(EncryptionLevel.Initial, header.AsSpan(3)));
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1024);
            Assert.Equal(TlsPair.ErrorOf(50), server.Core.ErrorCode);
        }
        using var patient = TlsPair.StartServer();
        Assert.True(patient.Core.Receive(EncryptionLevel.Initial, [1, 0, 0x40, 0, 1, 2, 3]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(11)]
    [InlineData(20)]
    [InlineData(24)]
    [InlineData(255)]
    public void Refuses_any_other_first_message(byte type)
    {
        using var server = TlsPair.StartServer();
        Assert.False(server.Core.Receive(EncryptionLevel.Initial, TlsMessages.Message(type, 1, 2, 3)));
        Assert.Equal(TlsPair.ErrorOf(10), server.Core.ErrorCode);
    }

    [Fact]
    public void Refuses_wrong_levels_and_left_over_bytes()
    {
        var hello = TlsPair.PuppetClientHello();
        foreach (var level in (EncryptionLevel[])[EncryptionLevel.Handshake, EncryptionLevel.OneRtt])
        {
            using var server = TlsPair.StartServer();
            Assert.False(server.Core.Receive(level, hello));
            Assert.Equal(TlsPair.ErrorOf(10), server.Core.ErrorCode);
        }
        using var other = TlsPair.StartServer();
        Assert.False(other.Core.Receive(EncryptionLevel.Initial, [.. hello, 1]));
        Assert.Equal(TlsPair.ErrorOf(10), other.Core.ErrorCode);
        using var late = TlsPair.StartServer();
        Assert.True(late.Core.Receive(EncryptionLevel.Initial, hello));
        Assert.True(late.Core.Receive(EncryptionLevel.Initial, default));
        Assert.False(late.Core.Receive(EncryptionLevel.Initial, [1]));
        Assert.Equal(TlsPair.ErrorOf(10), late.Core.ErrorCode);
    }

    public static TheoryData<string> SecondHelloNames => [.. SecondHellos.Keys];

    private static readonly Dictionary<string, (Action<EditableClientHello> Edit, int? Alert)> SecondHellos = new()
    {
        ["exactly the share"] = (_ => { }, null),
        ["with a cookie"] = (h => h.Set(44, 0, 1, 7), null),
        ["other order of extensions"] = (h => h.Extensions.Reverse(), null),
        ["one extension changed"] = (h => h.Set(45, 1, 9), 47),
        ["another extension instead"] = (h => { h.Remove(0); h.Set(0xabc); }, 47),
        ["other random"] = (h => h.Random = new byte[32], 47),
        ["other suites"] = (h => h.Suites = [0x13, 0x02], 47),
        ["other ALPN"] =
            (h => h.Set(16, TlsMessages.Vector16([1, 0x61, .. TlsMessages.Vector8([.. "mosaik/test"u8])])), 47),
        ["other transport parameters"] = (h => h.Set(57, 1, 1, 9), 47),
        ["one extension more"] = (h => h.Set(0xabc), 47),
        ["one extension less"] = (h => h.Remove(0), 47),
        ["no share again"] = (h => h.Set(51, 0, 0), 47),
        ["the wrong group"] = (h => h.Set(51, TlsMessages.Vector16(Share(NamedGroup.P256))), 47),
        ["two shares"] =
            (h => h.Set(51, TlsMessages.Vector16([.. Share(NamedGroup.X25519), .. Share(NamedGroup.P256)])), 47),
        ["no key_share"] = (h => h.Remove(51), 109),
        ["zero share"] = (h => SetShare(h, NamedGroup.X25519, new byte[32]), 47),
    };

    [Theory]
    [MemberData(nameof(SecondHelloNames))]
    public void Answers_a_missing_share_once_with_a_retry(string name)
    {
        var (edit, alert) = SecondHellos[name];
        using var server = TlsPair.StartServer();
        Assert.True(server.Core.Receive(EncryptionLevel.Initial, TlsPair.PuppetClientHello(h => h.Set(51, 0, 0))));
        server.Drain();
        Assert.Equal(
            "020000340303" + Convert.ToHexStringLower(TlsConstants.HelloRetryRandom)
            + "00130200000c002b0002030400330002001d",
            Convert.ToHexStringLower(server.Sent(EncryptionLevel.Initial)));
        Assert.Empty(server.Keys);
        var accepted = server.Core.Receive(EncryptionLevel.Initial, TlsPair.PuppetClientHello(edit));
        Assert.Equal(alert is null, accepted);
        Assert.Equal(alert is { } code ? TlsPair.ErrorOf(code) : QuicError.NoError, server.Core.ErrorCode);
        if (!accepted)
            return;
        // There is no third one.
        Assert.False(server.Core.Receive(EncryptionLevel.Initial, TlsPair.PuppetClientHello()));
        Assert.Equal(TlsPair.ErrorOf(10), server.Core.ErrorCode);
    }

    private static void SetShare(EditableClientHello hello, NamedGroup group, byte[] share) =>
        hello.Set(51, TlsMessages.Vector16([.. TlsMessages.UInt16((int)group), .. TlsMessages.Vector16(share)]));

    private static byte[] Share(NamedGroup group)
    {
        using var exchange = KeyExchange.Create(group, new SeededRandom(5));
        return [.. TlsMessages.UInt16((int)group), .. TlsMessages.Vector16(exchange.PublicShare.ToArray())];
    }
}
