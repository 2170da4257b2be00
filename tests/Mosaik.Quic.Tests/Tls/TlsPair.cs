using Mosaik.Quic.Crypto;
using Mosaik.Quic.Tls;

namespace Mosaik.Quic.Tests.Tls;

/// <summary>The two identities of the tests, and cores made from them.</summary>
internal static class TlsPair
{
    internal const string Alpn = "mosaik/test";

    internal static readonly byte[] PuppetPrivateKey = [.. Enumerable.Repeat((byte)0x61, 32)];

    internal static readonly Ed25519SigningKey ClientIdentity = Ed25519SigningKey.FromSeed(new byte[32]);

    internal static readonly Ed25519SigningKey ServerIdentity =
        Ed25519SigningKey.FromSeed([.. Enumerable.Repeat((byte)0x2a, 32)]);

    internal static readonly TlsClientSettings ClientSettings = new()
    {
        Identity = ClientIdentity,
        ExpectedPeerKey = ServerIdentity.PublicKey,
        ServerName = "35vmm8v1di2j5hlbp0sfljauku4rs33mma906d03jft8mf9mhlgg.iroh.invalid",
        Alpn = [Alpn],
        TransportParameters = (byte[])[1, 1, 4],
        Random = new SeededRandom(1),
    };

    internal static readonly TlsServerSettings ServerSettings = new()
    {
        Identity = ServerIdentity,
        Alpn = [Alpn],
        TransportParameters = (byte[])[1, 1, 5],
        Random = new SeededRandom(2),
    };

    internal static TlsHarness StartClient(TlsClientSettings? settings = null)
    {
        var harness = new TlsHarness(TlsHandshakeCore.Client(settings ?? ClientSettings with { Random = new SeededRandom(1) }));
        harness.Core.Start();
        harness.Drain();
        return harness;
    }

    internal static TlsHarness StartServer(TlsServerSettings? settings = null)
    {
        var harness = new TlsHarness(TlsHandshakeCore.Server(settings ?? ServerSettings with { Random = new SeededRandom(2) }));
        harness.Core.Start();
        return harness;
    }

    /// <summary>A ClientHello whose X25519 key is the puppet's.</summary>
    internal static byte[] PuppetClientHello(Action<EditableClientHello>? edit = null)
    {
        using var client = StartClient(ClientSettings with
        {
            Random = new SeededRandom(3),
            FixedX25519PrivateKey = PuppetPrivateKey,
        });
        var hello = new EditableClientHello(client.Sent(EncryptionLevel.Initial));
        edit?.Invoke(hello);
        return hello.Encode();
    }

    /// <summary>The share of a group in a ClientHello.</summary>
    internal static byte[] ShareOf(byte[] clientHello, NamedGroup group)
    {
        Assert.True(ClientHello.TryParse(clientHello.AsSpan(4), out var hello));
        Assert.True(TlsExtensions.TryFind(hello.Extensions, ExtensionType.KeyShare, out var shares));
        Assert.True(ClientHello.TryReadShare(shares, group, out var share, out _, out _));
        return share.ToArray();
    }

    /// <summary>The share in a ServerHello; it is the last extension of what our server sends.</summary>
    internal static byte[] ShareOfServerHello(byte[] serverHello, NamedGroup group) =>
        serverHello[^(group == NamedGroup.X25519 ? 32 : 65)..];

    /// <summary>The error that a transport sends for an alert.</summary>
    internal static QuicError ErrorOf(int alert) => QuicError.CryptoError + (ulong)alert;
}
