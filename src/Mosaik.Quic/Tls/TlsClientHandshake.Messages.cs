using System.Text;
using Mosaik.Quic.Crypto;

namespace Mosaik.Quic.Tls;

/// <content>What the client makes of the server's messages, in the order in which they come.</content>
internal sealed partial class TlsClientHandshake
{
    private bool HandleServerHello(ReadOnlySpan<byte> message)
    {
        var reader = new TlsReader(message[TlsConstants.HeaderLength..]);
        if (!reader.TryReadUInt16(out var version)
            || !reader.TryReadBytes(TlsConstants.RandomLength, out var random)
            || !reader.TryReadVector8(out var sessionId)
            || !reader.TryReadUInt16(out var suiteNumber)
            || !reader.TryReadByte(out var compression)
            || !reader.TryReadVector16(out var extensions)
            || !reader.IsEmpty)
        {
            return Fail(TlsAlert.DecodeError, "malformed ServerHello");
        }
        if (TlsExtensions.Check(extensions) is { } broken)
            return Fail(broken, "malformed or repeated extensions in ServerHello");
        var suite = (CipherSuite)suiteNumber;
        if (version != TlsConstants.LegacyVersion || !sessionId.IsEmpty || compression != 0)
            return Fail(TlsAlert.IllegalParameter, "ServerHello with a version, session id or compression not offered");
        if (!_settings.CipherSuites.Contains(suite) || (_retrySuite is { } earlier && earlier != suite))
            return Fail(TlsAlert.IllegalParameter, "ServerHello with a cipher suite not offered");
        var isRetry = random.SequenceEqual(TlsConstants.HelloRetryRandom);
        if (isRetry && _retrySuite is not null)
            return Fail(TlsAlert.UnexpectedMessage, "a second HelloRetryRequest");
        if (!TryReadHelloExtensions(extensions, isRetry, out var keyShare, out var cookie))
            return false;
        if (isRetry)
            return HandleRetry(message, suite, keyShare, cookie);

        CipherSuite = suite;
        if (!Transcript.IsSelected)
            Transcript.Select(suite);
        Transcript.Append(message);
        reader = new TlsReader(keyShare);
        if (!reader.TryReadUInt16(out var group) || !reader.TryReadVector16(out var share) || !reader.IsEmpty)
            return Fail(TlsAlert.DecodeError, "malformed key share");
        // The exchange exists since Start and until here.
        var exchange = _exchange!;
        if (group != (ushort)exchange.Group || !TryEnterHandshake(exchange, share))
            return Fail(TlsAlert.IllegalParameter, "an unusable key share");
        exchange.Dispose();
        _exchange = null;
        // Set by TryEnterHandshake.
        InstallReadKeys(EncryptionLevel.Handshake, Schedule!.ServerHandshakeTraffic);
        InstallWriteKeys(EncryptionLevel.Handshake, Schedule.ClientHandshakeTraffic);
        ReadLevel = EncryptionLevel.Handshake;
        _state = State.EncryptedExtensions;
        return true;
    }

    private bool TryReadHelloExtensions(
        ReadOnlySpan<byte> block,
        bool isRetry,
        out ReadOnlySpan<byte> keyShare,
        out ReadOnlySpan<byte> cookie)
    {
        keyShare = default;
        cookie = default;
        var hasVersion = false;
        var extensions = new TlsExtensions(block);
        while (extensions.TryNext(out var type, out var data))
        {
            switch (type)
            {
                case ExtensionType.SupportedVersions:
                    if (data.Length != 2)
                        return Fail(TlsAlert.DecodeError, "malformed supported_versions");
                    if (data[0] != TlsConstants.Tls13 >> 8 || data[1] != (TlsConstants.Tls13 & 0xff))
                        return Fail(TlsAlert.IllegalParameter, "ServerHello with a version not offered");
                    hasVersion = true;
                    break;
                case ExtensionType.KeyShare:
                    keyShare = data;
                    if (data.IsEmpty)
                        return Fail(TlsAlert.DecodeError, "malformed key share");
                    break;
                case ExtensionType.Cookie when isRetry:
                    var reader = new TlsReader(data);
                    if (!reader.TryReadVector16(out cookie) || cookie.IsEmpty || !reader.IsEmpty)
                        return Fail(TlsAlert.DecodeError, "malformed cookie");
                    break;
                default:
                    return FailOnExtension(type, "ServerHello");
            }
        }
        // Without the extension the server has chosen TLS 1.2, which was not offered.
        if (!hasVersion)
            return Fail(TlsAlert.IllegalParameter, "ServerHello without supported_versions");
        return isRetry || !keyShare.IsEmpty || Fail(TlsAlert.MissingExtension, "ServerHello without a key share");
    }

    // RFC 8446 §4.2: an extension that was offered stands in the wrong message; any other was not asked for.
    private bool FailOnExtension(ushort type, string message)
    {
        var offered = type is ExtensionType.SupportedGroups or ExtensionType.SignatureAlgorithms or ExtensionType.Alpn
            or ExtensionType.ClientCertificateType or ExtensionType.ServerCertificateType
            or ExtensionType.SupportedVersions or ExtensionType.KeyShare or ExtensionType.QuicTransportParameters
            || (type == ExtensionType.ServerName && _settings.ServerName is not null)
            || (type == ExtensionType.Cookie && _cookie is not null);
        return Fail(
            offered ? TlsAlert.IllegalParameter : TlsAlert.UnsupportedExtension, $"extension {type} in {message}");
    }

    private bool HandleRetry(
        ReadOnlySpan<byte> message,
        CipherSuite suite,
        ReadOnlySpan<byte> keyShare,
        ReadOnlySpan<byte> cookie)
    {
        // The exchange exists since Start.
        var exchange = _exchange!;
        if (keyShare.IsEmpty && cookie.IsEmpty)
            return Fail(TlsAlert.IllegalParameter, "a HelloRetryRequest that changes nothing");
        if (!keyShare.IsEmpty)
        {
            if (keyShare.Length != 2)
                return Fail(TlsAlert.DecodeError, "malformed key share in HelloRetryRequest");
            var group = (NamedGroup)((keyShare[0] << 8) | keyShare[1]);
            if (group == exchange.Group || !_settings.Groups.Contains(group))
                return Fail(TlsAlert.IllegalParameter, "HelloRetryRequest for a group not offered or already shared");
            exchange.Dispose();
            _exchange = exchange = CreateExchange(group);
        }
        if (!cookie.IsEmpty)
            _cookie = cookie.ToArray();
        _retrySuite = suite;
        Transcript.Select(suite);
        Transcript.ReplaceByMessageHash();
        Transcript.Append(message);
        var hello = WriteClientHello(exchange);
        Transcript.Append(hello.Span);
        SendCrypto(EncryptionLevel.Initial, hello);
        return true;
    }

    private bool HandleEncryptedExtensions(ReadOnlySpan<byte> message)
    {
        var reader = new TlsReader(message[TlsConstants.HeaderLength..]);
        if (!reader.TryReadVector16(out var block) || !reader.IsEmpty)
            return Fail(TlsAlert.DecodeError, "malformed EncryptedExtensions");
        if (TlsExtensions.Check(block) is { } broken)
            return Fail(broken, "malformed or repeated extensions in EncryptedExtensions");
        var hasParameters = false;
        var certificateTypes = 0;
        var extensions = new TlsExtensions(block);
        while (extensions.TryNext(out var type, out var data))
        {
            switch (type)
            {
                case ExtensionType.ServerName when _settings.ServerName is not null:
                    if (!data.IsEmpty)
                        return Fail(TlsAlert.DecodeError, "server_name with content in EncryptedExtensions");
                    break;
                case ExtensionType.SupportedGroups:
                    break;
                case ExtensionType.Alpn:
                    if (!TryReadAlpn(data))
                        return false;
                    break;
                case ExtensionType.ClientCertificateType or ExtensionType.ServerCertificateType:
                    if (data.Length != 1)
                        return Fail(TlsAlert.DecodeError, "malformed certificate type");
                    if (data[0] != TlsConstants.RawPublicKeyType)
                        return Fail(TlsAlert.UnsupportedCertificate, "a certificate type that is not RawPublicKey");
                    certificateTypes++;
                    break;
                case ExtensionType.QuicTransportParameters:
                    _peerParameters = data.ToArray();
                    hasParameters = true;
                    break;
                default:
                    return FailOnExtension(type, "EncryptedExtensions");
            }
        }
        if (certificateTypes != 2)
            return Fail(TlsAlert.UnsupportedCertificate, "EncryptedExtensions without both certificate types");
        if (Alpn is null)
            return Fail(TlsAlert.NoApplicationProtocol, "the server chose no application protocol");
        if (!hasParameters)
            return Fail(TlsAlert.MissingExtension, "EncryptedExtensions without transport parameters");
        Transcript.Append(message);
        _state = State.CertificateRequest;
        return true;
    }

    private bool TryReadAlpn(ReadOnlySpan<byte> data)
    {
        var reader = new TlsReader(data);
        if (!reader.TryReadVector16(out var list) || !reader.IsEmpty)
            return Fail(TlsAlert.DecodeError, "malformed ALPN");
        reader = new TlsReader(list);
        if (!reader.TryReadVector8(out var name) || name.IsEmpty || !reader.IsEmpty)
            return Fail(TlsAlert.DecodeError, "ALPN without exactly one name");
        foreach (var offered in _alpn)
        {
            if (!name.SequenceEqual(offered))
                continue;
            Alpn = Encoding.UTF8.GetString(name);
            return true;
        }
        return Fail(TlsAlert.NoApplicationProtocol, "the server chose an application protocol that was not offered");
    }

    private bool HandleCertificateRequest(ReadOnlySpan<byte> message)
    {
        var reader = new TlsReader(message[TlsConstants.HeaderLength..]);
        if (!reader.TryReadVector8(out var context) || !reader.TryReadVector16(out var block) || !reader.IsEmpty)
            return Fail(TlsAlert.DecodeError, "malformed CertificateRequest");
        if (TlsExtensions.Check(block) is { } broken)
            return Fail(broken, "malformed or repeated extensions in CertificateRequest");
        if (!context.IsEmpty)
            return Fail(TlsAlert.IllegalParameter, "CertificateRequest with a context during the handshake");
        // Every other extension is ignored: some servers add status_request.
        if (!TlsExtensions.TryFind(block, ExtensionType.SignatureAlgorithms, out var schemes))
            return Fail(TlsAlert.HandshakeFailure, "CertificateRequest without signature_algorithms");
        if (!ClientHello.TryReadNumbers(schemes, out var numbers))
            return Fail(TlsAlert.DecodeError, "malformed signature_algorithms");
        if (!ClientHello.Contains(numbers, TlsConstants.Ed25519Scheme))
            return Fail(TlsAlert.HandshakeFailure, "the server does not accept Ed25519 signatures");
        Transcript.Append(message);
        _state = State.Certificate;
        return true;
    }

    private bool HandleServerCertificate(ReadOnlySpan<byte> message)
    {
        // RFC 8446 §4.4.2.4: a server without a certificate is a decoding error.
        if (!HandleCertificate(message, TlsAlert.DecodeError, out var key))
            return false;
        if (!key.SequenceEqual(_settings.ExpectedPeerKey.Span))
        {
            UnexpectedPeerKey = key.ToArray();
            return Fail(
                TlsAlert.BadCertificate,
                $"found peer {Convert.ToHexStringLower(key)}, expected "
                + Convert.ToHexStringLower(_settings.ExpectedPeerKey.Span));
        }
        _state = State.CertificateVerify;
        return true;
    }

    private bool HandleServerCertificateVerify(ReadOnlySpan<byte> message)
    {
        if (!HandleCertificateVerify(message, ofServer: true))
            return false;
        _state = State.Finished;
        return true;
    }

    private bool HandleServerFinished(ReadOnlySpan<byte> message)
    {
        // Made when ServerHello was handled, which precedes this state.
        var schedule = Schedule!;
        if (!HandleFinished(message, schedule.ServerHandshakeTraffic))
            return false;
        EnterApplication(schedule);
        var writer = new TlsWriter(256);
        WriteAuthentication(writer, asServer: false, schedule.ClientHandshakeTraffic);
        ReportTransportParameters(_peerParameters);
        SendCrypto(EncryptionLevel.Handshake, writer.Memory);
        InstallWriteKeys(EncryptionLevel.OneRtt, schedule.ClientApplicationTraffic);
        InstallReadKeys(EncryptionLevel.OneRtt, schedule.ServerApplicationTraffic);
        _state = State.Complete;
        Complete();
        return true;
    }
}
