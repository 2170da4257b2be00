using Mosaik.Quic.Crypto;

namespace Mosaik.Quic.Tls;

/// <summary>What a handshake core asks its connection to do; see <see cref="TlsHandshakeCore.TryPollEvent"/>.</summary>
internal enum TlsEventKind
{
    /// <summary>Send <see cref="TlsEvent.Data"/> as CRYPTO at <see cref="TlsEvent.Level"/>.</summary>
    SendCrypto = 0,

    /// <summary>
    /// From now on packets of <see cref="TlsEvent.Level"/> are sealed with <see cref="TlsEvent.Keys"/>.
    /// </summary>
    InstallWriteKeys = 1,

    /// <summary>
    /// From now on packets of <see cref="TlsEvent.Level"/> are opened with <see cref="TlsEvent.Keys"/>.
    /// </summary>
    InstallReadKeys = 2,

    /// <summary>
    /// <see cref="TlsEvent.Data"/> are the peer's transport parameters. A client gets them when the server is
    /// authenticated; a server with the ClientHello, because its limits apply to what it sends before the client is.
    /// </summary>
    PeerTransportParameters = 3,

    /// <summary>The peer's Finished was verified: the peer's key, the ALPN and the exporter are final.</summary>
    HandshakeComplete = 4,
}

/// <summary>One step of a handshake for the connection. Key objects belong to the receiver of the event.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Level">The encryption level, for the first three kinds.</param>
/// <param name="Data">Bytes to send or transport parameters; never reused by the core.</param>
/// <param name="Keys">The keys to install; the receiver disposes them.</param>
internal readonly record struct TlsEvent(
    TlsEventKind Kind,
    EncryptionLevel Level,
    ReadOnlyMemory<byte> Data,
    PacketKeys? Keys);
