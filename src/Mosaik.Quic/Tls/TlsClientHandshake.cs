using System.Text;
using Mosaik.Quic.Crypto;

namespace Mosaik.Quic.Tls;

/// <summary>
/// The client of a handshake: sends ClientHello, once more after a HelloRetryRequest, and its own Certificate,
/// CertificateVerify and Finished when the server is authenticated. Rules of parsing: spec/quic.md §3.7.
/// </summary>
internal sealed partial class TlsClientHandshake : TlsHandshakeCore
{
    private readonly TlsClientSettings _settings;
    private readonly byte[][] _alpn;

    private State _state = State.Created;
    private KeyExchange? _exchange;
    private byte[]? _cookie;
    private CipherSuite? _retrySuite;
    private byte[] _peerParameters = [];

    internal TlsClientHandshake(TlsClientSettings settings)
        : base(settings)
    {
        _settings = settings;
        _alpn = [.. settings.Alpn.Select(Encoding.UTF8.GetBytes)];
        ServerName = settings.ServerName;
    }

    private enum State
    {
        Created,
        ServerHello,
        EncryptedExtensions,
        CertificateRequest,
        Certificate,
        CertificateVerify,
        Finished,
        Complete,
    }

    /// <inheritdoc/>
    internal override void Start()
    {
        if (_state != State.Created)
            throw new InvalidOperationException("The handshake was started before.");
        _state = State.ServerHello;
        _settings.Random.Fill(ClientRandom);
        _exchange = CreateExchange(_settings.Groups[0]);
        var hello = WriteClientHello(_exchange);
        Transcript.AppendBeforeSelection(hello);
        SendCrypto(EncryptionLevel.Initial, hello);
    }

    /// <inheritdoc/>
    private protected override void DisposeRole() => _exchange?.Dispose();

    /// <inheritdoc/>
    private protected override bool Expects(HandshakeType type, out bool skip)
    {
        skip = false;
        switch (_state)
        {
            case State.ServerHello when type == HandshakeType.ServerHello:
            case State.EncryptedExtensions when type == HandshakeType.EncryptedExtensions:
            case State.CertificateRequest when type == HandshakeType.CertificateRequest:
            case State.Certificate when type == HandshakeType.Certificate:
            case State.CertificateVerify when type == HandshakeType.CertificateVerify:
            case State.Finished when type == HandshakeType.Finished:
                return true;
            case State.Complete when type == HandshakeType.NewSessionTicket:
                // Nothing is resumed (spec/quic.md §3.9).
                skip = true;
                return true;
            case State.Complete when type == HandshakeType.CertificateRequest:
                return Fail(QuicError.ProtocolViolation, "authentication after the handshake");
            case State.CertificateRequest when type == HandshakeType.Certificate:
                return Fail(TlsAlert.HandshakeFailure, "the server requests no client certificate");
            default:
                return Fail(TlsAlert.UnexpectedMessage, $"unexpected handshake message {(byte)type}");
        }
    }

    /// <inheritdoc/>
    private protected override bool Handle(HandshakeType type, ReadOnlySpan<byte> message) => _state switch
    {
        State.ServerHello => HandleServerHello(message),
        State.EncryptedExtensions => HandleEncryptedExtensions(message),
        State.CertificateRequest => HandleCertificateRequest(message),
        State.Certificate => HandleServerCertificate(message),
        State.CertificateVerify => HandleServerCertificateVerify(message),
        _ => HandleServerFinished(message),
    };

    // Extensions ascend by number, so that the message is a pure function of its inputs (spec/quic.md §3.3).
    private ReadOnlyMemory<byte> WriteClientHello(KeyExchange exchange)
    {
        var writer = new TlsWriter(512);
        var message = writer.BeginMessage(HandshakeType.ClientHello);
        writer.UInt16(TlsConstants.LegacyVersion);
        writer.Bytes(ClientRandom);
        writer.Byte(0);
        var suites = writer.Begin(2);
        foreach (var suite in _settings.CipherSuites)
            writer.UInt16((ushort)suite);
        writer.End(suites);
        writer.Byte(1);
        writer.Byte(0);
        var extensions = writer.Begin(2);
        WriteServerName(writer);
        WriteNegotiation(writer);
        WriteKeyShare(writer, exchange);
        var parameters = writer.BeginExtension(ExtensionType.QuicTransportParameters);
        writer.Bytes(_settings.TransportParameters.Span);
        writer.End(parameters);
        writer.End(extensions);
        writer.End(message);
        return writer.Memory;
    }

    private void WriteServerName(TlsWriter writer)
    {
        if (_settings.ServerName is not { } name)
            return;
        var extension = writer.BeginExtension(ExtensionType.ServerName);
        var list = writer.Begin(2);
        writer.Byte(0);
        var host = writer.Begin(2);
        writer.Bytes(Encoding.UTF8.GetBytes(name));
        writer.End(host);
        writer.End(list);
        writer.End(extension);
    }

    private void WriteNegotiation(TlsWriter writer)
    {
        var extension = writer.BeginExtension(ExtensionType.SupportedGroups);
        var list = writer.Begin(2);
        foreach (var group in _settings.Groups)
            writer.UInt16((ushort)group);
        writer.End(list);
        writer.End(extension);

        extension = writer.BeginExtension(ExtensionType.SignatureAlgorithms);
        list = writer.Begin(2);
        writer.UInt16(TlsConstants.Ed25519Scheme);
        writer.End(list);
        writer.End(extension);

        extension = writer.BeginExtension(ExtensionType.Alpn);
        list = writer.Begin(2);
        foreach (var name in _alpn)
        {
            writer.Byte((byte)name.Length);
            writer.Bytes(name);
        }
        writer.End(list);
        writer.End(extension);

        foreach (var type in (ReadOnlySpan<ushort>)
            [ExtensionType.ClientCertificateType, ExtensionType.ServerCertificateType])
        {
            extension = writer.BeginExtension(type);
            writer.Byte(1);
            writer.Byte(TlsConstants.RawPublicKeyType);
            writer.End(extension);
        }

        extension = writer.BeginExtension(ExtensionType.SupportedVersions);
        writer.Byte(2);
        writer.UInt16(TlsConstants.Tls13);
        writer.End(extension);
    }

    private void WriteKeyShare(TlsWriter writer, KeyExchange exchange)
    {
        if (_cookie is not null)
        {
            var cookie = writer.BeginExtension(ExtensionType.Cookie);
            writer.UInt16((ushort)_cookie.Length);
            writer.Bytes(_cookie);
            writer.End(cookie);
        }
        var extension = writer.BeginExtension(ExtensionType.KeyShare);
        var list = writer.Begin(2);
        writer.UInt16((ushort)exchange.Group);
        writer.UInt16((ushort)exchange.PublicShare.Length);
        writer.Bytes(exchange.PublicShare);
        writer.End(list);
        writer.End(extension);
    }
}
