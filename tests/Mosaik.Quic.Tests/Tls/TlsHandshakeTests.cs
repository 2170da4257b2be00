using Mosaik.Quic.Crypto;
using Mosaik.Quic.Tls;

namespace Mosaik.Quic.Tests.Tls;

/// <summary>
/// Our client against our server: every suite and group, fragmentation, retry, exporter, order of events.
/// </summary>
public sealed class TlsHandshakeTests
{
    [Theory]
    [InlineData(CipherSuite.Aes256GcmSha384, NamedGroup.X25519, int.MaxValue)]
    [InlineData(CipherSuite.Aes256GcmSha384, NamedGroup.X25519, 1)]
    [InlineData(CipherSuite.Aes256GcmSha384, NamedGroup.X25519, 3)]
    [InlineData(CipherSuite.Aes256GcmSha384, NamedGroup.X25519, 5)]
    [InlineData(CipherSuite.Aes256GcmSha384, NamedGroup.X25519, 61)]
    [InlineData(CipherSuite.Aes128GcmSha256, NamedGroup.X25519, 1)]
    [InlineData(CipherSuite.ChaCha20Poly1305Sha256, NamedGroup.X25519, 2)]
    [InlineData(CipherSuite.Aes256GcmSha384, NamedGroup.P256, int.MaxValue)]
    [InlineData(CipherSuite.Aes128GcmSha256, NamedGroup.P256, 1)]
    internal void Completes_and_agrees(CipherSuite suite, NamedGroup group, int pieceLength)
    {
        using var client = TlsPair.StartClient(TlsPair.ClientSettings with
        {
            Random = new SeededRandom(11),
            CipherSuites = [suite],
            Groups = [group],
        });
        using var server = TlsPair.StartServer();
        Run(client, server, pieceLength);
        AssertAgreed(client, server);
        Assert.Equal((suite, group), (client.Core.CipherSuite, client.Core.Group));
    }

    [Theory]
    [InlineData(CipherSuite.Aes256GcmSha384, 1)]
    [InlineData(CipherSuite.Aes128GcmSha256, int.MaxValue)]
    [InlineData(CipherSuite.ChaCha20Poly1305Sha256, 9)]
    internal void Completes_after_a_hello_retry_request(CipherSuite suite, int pieceLength)
    {
        using var client = TlsPair.StartClient(TlsPair.ClientSettings with { Random = new SeededRandom(11), CipherSuites = [suite] });
        using var server = TlsPair.StartServer(TlsPair.ServerSettings with { Random = new SeededRandom(12), Groups = [NamedGroup.P256] });
        Assert.True(client.Deliver(server, pieceLength));
        Assert.Equal(56, server.Sent(EncryptionLevel.Initial).Length);
        Assert.Null(server.PeerParameters);
        Assert.Empty(server.Keys);
        Run(server, client, pieceLength);
        Run(client, server, pieceLength);
        AssertAgreed(client, server);
        Assert.Equal(NamedGroup.P256, server.Core.Group);
    }

    [Fact]
    public void Sends_events_in_the_order_that_a_connection_needs()
    {
        using var client = TlsPair.StartClient();
        using var server = TlsPair.StartServer();
        Assert.True(client.Deliver(server));
        Assert.Equal(
            [
                (TlsEventKind.PeerTransportParameters, EncryptionLevel.Initial),
                (TlsEventKind.SendCrypto, EncryptionLevel.Initial),
                (TlsEventKind.InstallWriteKeys, EncryptionLevel.Handshake),
                (TlsEventKind.InstallReadKeys, EncryptionLevel.Handshake),
                (TlsEventKind.SendCrypto, EncryptionLevel.Handshake),
                (TlsEventKind.InstallWriteKeys, EncryptionLevel.OneRtt),
            ],
            server.Events);
        Assert.True(server.Deliver(client));
        Assert.Equal(
            [
                (TlsEventKind.SendCrypto, EncryptionLevel.Initial),
                (TlsEventKind.InstallReadKeys, EncryptionLevel.Handshake),
                (TlsEventKind.InstallWriteKeys, EncryptionLevel.Handshake),
                (TlsEventKind.PeerTransportParameters, EncryptionLevel.Handshake),
                (TlsEventKind.SendCrypto, EncryptionLevel.Handshake),
                (TlsEventKind.InstallWriteKeys, EncryptionLevel.OneRtt),
                (TlsEventKind.InstallReadKeys, EncryptionLevel.OneRtt),
                (TlsEventKind.HandshakeComplete, EncryptionLevel.OneRtt),
            ],
            client.Events);
        Assert.False(server.Core.IsComplete);
        Assert.True(server.Core.PeerPublicKey.IsEmpty);
        Assert.True(client.Deliver(server));
        Assert.Equal(
            [
                (TlsEventKind.InstallReadKeys, EncryptionLevel.OneRtt),
                (TlsEventKind.HandshakeComplete, EncryptionLevel.OneRtt),
            ],
            server.Events.Skip(6));
        AssertAgreed(client, server);
    }

    [Fact]
    public void Flights_have_the_sizes_of_the_profile()
    {
        using var client = TlsPair.StartClient(TlsPair.ClientSettings with
        {
            Random = new SeededRandom(1),
            Alpn = ["/mosaik/groups/1"],
            TransportParameters = new byte[55],
        });
        using var server = TlsPair.StartServer(TlsPair.ServerSettings with
        {
            Random = new SeededRandom(2),
            Alpn = ["/mosaik/groups/1"],
            TransportParameters = new byte[95],
        });
        Run(client, server, int.MaxValue);
        Assert.Equal(286, client.Sent(EncryptionLevel.Initial).Length);
        Assert.Equal(90, server.Sent(EncryptionLevel.Initial).Length);
        Assert.Equal(334, server.Sent(EncryptionLevel.Handshake).Length);
        Assert.Equal(181, client.Sent(EncryptionLevel.Handshake).Length);
    }

    [Fact]
    public void The_clients_order_of_suites_and_the_servers_order_of_protocols_win()
    {
        using var client = TlsPair.StartClient(TlsPair.ClientSettings with
        {
            Random = new SeededRandom(1),
            CipherSuites = [CipherSuite.ChaCha20Poly1305Sha256, CipherSuite.Aes256GcmSha384],
            Alpn = ["a", "b", "c"],
            ServerName = null,
        });
        using var server = TlsPair.StartServer(TlsPair.ServerSettings with { Random = new SeededRandom(2), Alpn = ["x", "c", "b"] });
        Run(client, server, int.MaxValue);
        Assert.Equal(CipherSuite.ChaCha20Poly1305Sha256, server.Core.CipherSuite);
        Assert.Equal(("c", "c"), (client.Core.Alpn, server.Core.Alpn));
        Assert.Null(server.Core.ServerName);
    }

    [Fact]
    public void Two_protocols_without_overlap_do_not_meet()
    {
        using var client = TlsPair.StartClient();
        using var server = TlsPair.StartServer(TlsPair.ServerSettings with { Random = new SeededRandom(2), Alpn = ["other"] });
        Assert.False(client.Deliver(server));
        Assert.Equal((TlsPair.ErrorOf(120), TlsAlert.NoApplicationProtocol), (server.Core.ErrorCode, server.Core.Alert!.Value));
        // It stays failed and quiet.
        Assert.False(server.Core.Receive(EncryptionLevel.Initial, [1]));
        Assert.False(server.Core.TryPollEvent(out _));
    }

    [Fact]
    public void Exporter_depends_on_label_and_context_and_waits_for_the_end()
    {
        using var client = TlsPair.StartClient();
        using var server = TlsPair.StartServer();
        var early = new byte[32];
        Assert.True(client.Deliver(server));
        Assert.False(server.Core.ExportKeyingMaterial("label"u8, default, early));
        Assert.Equal(new byte[32], early);
        Run(server, client, int.MaxValue);
        Run(client, server, int.MaxValue);
        var values = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (label, context) in ((byte[] Label, byte[] Context)[])
            [("a"u8.ToArray(), []), ("a"u8.ToArray(), [0]), ("b"u8.ToArray(), []), (new byte[249], [])])
        {
            var (one, other) = (new byte[77], new byte[77]);
            Assert.True(client.Core.ExportKeyingMaterial(label, context, one));
            Assert.True(server.Core.ExportKeyingMaterial(label, context, other));
            Assert.Equal(one, other);
            values.Add(Convert.ToHexString(one));
        }
        Assert.Equal(4, values.Count);
        Assert.Throws<ArgumentOutOfRangeException>(() => client.Core.ExportKeyingMaterial(default, default, new byte[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => client.Core.ExportKeyingMaterial(new byte[250], default, new byte[1]));
    }

    [Fact]
    public void Tickets_are_skipped_in_any_fragmentation()
    {
        using var client = TlsPair.StartClient();
        using var server = TlsPair.StartServer();
        Run(client, server, int.MaxValue);
        byte[] tickets = [.. TlsMessages.Message(4, new byte[85]), .. TlsMessages.Message(4), .. TlsMessages.Message(4, new byte[16_384])];
        foreach (var b in tickets)
            Assert.True(client.Core.Receive(EncryptionLevel.OneRtt, [b]));
        Assert.True(client.Core.Receive(EncryptionLevel.OneRtt, tickets));
        Assert.False(client.Core.Receive(EncryptionLevel.OneRtt, TlsMessages.Message(4, new byte[16_385])));
        Assert.Equal(TlsPair.ErrorOf(50), client.Core.ErrorCode);
    }

    [Fact]
    public void Settings_that_cannot_work_are_refused()
    {
        Assert.Throws<ArgumentException>(() => TlsHandshakeCore.Server(TlsPair.ServerSettings with { Alpn = [] }));
        Assert.Throws<ArgumentException>(() => TlsHandshakeCore.Server(TlsPair.ServerSettings with { Alpn = [""] }));
        Assert.Throws<ArgumentException>(() => TlsHandshakeCore.Server(TlsPair.ServerSettings with { Alpn = [new string('a', 256)] }));
        Assert.Throws<ArgumentException>(() => TlsHandshakeCore.Server(TlsPair.ServerSettings with { Groups = [] }));
        Assert.Throws<ArgumentException>(() => TlsHandshakeCore.Server(TlsPair.ServerSettings with { Groups = [(NamedGroup)24] }));
        Assert.Throws<ArgumentException>(() => TlsHandshakeCore.Server(TlsPair.ServerSettings with { CipherSuites = [(CipherSuite)0x1304] }));
        Assert.Throws<ArgumentException>(() => TlsHandshakeCore.Client(TlsPair.ClientSettings with { ExpectedPeerKey = new byte[31] }));
    }

    private static void Run(TlsHarness client, TlsHarness server, int pieceLength)
    {
        Assert.True(client.Deliver(server, pieceLength), server.Core.Reason);
        Assert.True(server.Deliver(client, pieceLength), client.Core.Reason);
        Assert.True(client.Deliver(server, pieceLength), server.Core.Reason);
    }

    private static void AssertAgreed(TlsHarness client, TlsHarness server)
    {
        Assert.True(client.SawComplete && server.SawComplete);
        Assert.True(client.Core.IsComplete && server.Core.IsComplete);
        Assert.Equal(TlsPair.ServerIdentity.PublicKey.ToArray(), client.Core.PeerPublicKey.ToArray());
        Assert.Equal(TlsPair.ClientIdentity.PublicKey.ToArray(), server.Core.PeerPublicKey.ToArray());
        Assert.Equal(TlsPair.ServerSettings.TransportParameters.ToArray(), client.PeerParameters);
        Assert.Equal(TlsPair.ClientSettings.TransportParameters.ToArray(), server.PeerParameters);
        Assert.Equal(client.Core.CipherSuite, server.Core.CipherSuite);
        Assert.Equal(client.Core.Group, server.Core.Group);
        Assert.Equal((TlsPair.Alpn, TlsPair.Alpn), (client.Core.Alpn, server.Core.Alpn));
        Assert.Equal(client.Core.ServerName, server.Core.ServerName);
        foreach (var level in (EncryptionLevel[])[EncryptionLevel.Handshake, EncryptionLevel.OneRtt])
        {
            AssertConnected(client.Keys[(true, level)], server.Keys[(false, level)]);
            AssertConnected(server.Keys[(true, level)], client.Keys[(false, level)]);
        }
    }

    private static void AssertConnected(PacketKeys writer, PacketKeys reader)
    {
        var packet = new byte[48];
        packet[3] = 0x77;
        writer.Seal(5, [1, 2], packet);
        Assert.True(reader.TryOpen(5, [1, 2], packet));
        Assert.Equal(0x77, packet[3]);
    }
}
