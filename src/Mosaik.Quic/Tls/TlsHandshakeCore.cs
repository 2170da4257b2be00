using Mosaik.Quic.Crypto;

namespace Mosaik.Quic.Tls;

#pragma warning disable MA0025
/// <summary>One TLS 1.3 handshake of either role, without input or output of its own (spec/quic.md §3).</summary>
internal sealed class TlsHandshakeCore : IDisposable
{
    internal static TlsHandshakeCore Client(TlsClientSettings settings) => throw new NotImplementedException();

    internal static TlsHandshakeCore Server(TlsServerSettings settings) => throw new NotImplementedException();

    internal void Start() => throw new NotImplementedException();

    internal bool Receive(EncryptionLevel level, ReadOnlySpan<byte> data) => throw new NotImplementedException();

    internal bool TryPollEvent(out TlsEvent e) => throw new NotImplementedException();

    internal bool IsComplete { get; }

    /// <summary>The transport error code to close with: 0x100 + alert, or PROTOCOL_VIOLATION; NoError while nothing failed.</summary>
    internal QuicError ErrorCode { get; }

    internal TlsAlert? Alert { get; }

    internal string? Reason { get; }

    internal CipherSuite CipherSuite { get; }

    internal NamedGroup Group { get; }

    internal string? Alpn { get; }

    /// <summary>The authenticated key of the peer; empty before the handshake is complete.</summary>
    internal ReadOnlyMemory<byte> PeerPublicKey { get; }

    /// <summary>On a client that was answered by another key than the dialled one: the key found.</summary>
    internal ReadOnlyMemory<byte> UnexpectedPeerKey { get; }

    /// <summary>The SNI the client sent, if it was readable text; never used for a decision.</summary>
    internal string? ServerName { get; }

    internal bool ExportKeyingMaterial(ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> output) => throw new NotImplementedException();

    public void Dispose() => throw new NotImplementedException();
}
