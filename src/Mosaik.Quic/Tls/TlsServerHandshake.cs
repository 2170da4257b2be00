using System.Text;
using Mosaik.Quic.Crypto;

namespace Mosaik.Quic.Tls;

/// <summary>
/// The server of a handshake: answers a ClientHello with its whole flight, or once with HelloRetryRequest, and then
/// authenticates the client. Rules of parsing: spec/quic.md §3.7; bytes: §3.4.
/// </summary>
internal sealed partial class TlsServerHandshake : TlsHandshakeCore
{
    private readonly TlsServerSettings _settings;

    private State _state = State.ClientHello;
    private NamedGroup _retryGroup;
    private byte[] _firstHello = [];

    internal TlsServerHandshake(TlsServerSettings settings)
        : base(settings)
    {
        _settings = settings;
    }

    private enum State
    {
        ClientHello,
        SecondClientHello,
        Certificate,
        CertificateVerify,
        Finished,
        Complete,
    }

    /// <inheritdoc/>
    internal override void Start()
    {
        // A server speaks second.
    }

    /// <inheritdoc/>
    private protected override void DisposeRole()
    {
        // The ephemeral key lives only while the ClientHello is handled.
    }

    /// <inheritdoc/>
    private protected override bool Expects(HandshakeType type, out bool skip)
    {
        skip = false;
        switch (_state)
        {
            case State.ClientHello or State.SecondClientHello when type == HandshakeType.ClientHello:
            case State.Certificate when type == HandshakeType.Certificate:
            case State.CertificateVerify when type == HandshakeType.CertificateVerify:
            case State.Finished when type == HandshakeType.Finished:
                return true;
            case State.Complete when type == HandshakeType.CertificateRequest:
                return Fail(QuicError.ProtocolViolation, "authentication after the handshake");
            default:
                return Fail(TlsAlert.UnexpectedMessage, $"unexpected handshake message {(byte)type}");
        }
    }

    /// <inheritdoc/>
    private protected override bool Handle(HandshakeType type, ReadOnlySpan<byte> message) => _state switch
    {
        State.ClientHello or State.SecondClientHello => HandleClientHello(message),
        State.Certificate => HandleClientCertificate(message),
        State.CertificateVerify => HandleClientCertificateVerify(message),
        _ => HandleClientFinished(message),
    };

    private bool SendRetry(ReadOnlySpan<byte> firstHello, NamedGroup group)
    {
        _retryGroup = group;
        _firstHello = firstHello.ToArray();
        Transcript.Select(CipherSuite);
        Transcript.Append(firstHello);
        Transcript.ReplaceByMessageHash();
        var writer = new TlsWriter(64);
        var message = WriteHelloStart(writer, TlsConstants.HelloRetryRandom);
        var extensions = writer.Begin(2);
        WriteVersion(writer);
        var share = writer.BeginExtension(ExtensionType.KeyShare);
        writer.UInt16((ushort)group);
        writer.End(share);
        writer.End(extensions);
        writer.End(message);
        Transcript.Append(writer.Memory.Span);
        SendCrypto(EncryptionLevel.Initial, writer.Memory);
        _state = State.SecondClientHello;
        return true;
    }

    private bool SendFlight(KeyExchange exchange, ReadOnlySpan<byte> share, ReadOnlySpan<byte> alpn)
    {
        Span<byte> random = stackalloc byte[TlsConstants.RandomLength];
        _settings.Random.Fill(random);
        var hello = new TlsWriter(160);
        var message = WriteHelloStart(hello, random);
        var extensions = hello.Begin(2);
        WriteVersion(hello);
        var keyShare = hello.BeginExtension(ExtensionType.KeyShare);
        hello.UInt16((ushort)exchange.Group);
        hello.UInt16((ushort)exchange.PublicShare.Length);
        hello.Bytes(exchange.PublicShare);
        hello.End(keyShare);
        hello.End(extensions);
        hello.End(message);
        Transcript.Append(hello.Memory.Span);
        if (!TryEnterHandshake(exchange, share))
            return Fail(TlsAlert.IllegalParameter, "an unusable key share");
        // Set by TryEnterHandshake.
        var schedule = Schedule!;
        SendCrypto(EncryptionLevel.Initial, hello.Memory);
        InstallWriteKeys(EncryptionLevel.Handshake, schedule.ServerHandshakeTraffic);
        InstallReadKeys(EncryptionLevel.Handshake, schedule.ClientHandshakeTraffic);

        var writer = new TlsWriter(512);
        WriteEncryptedExtensions(writer, alpn);
        WriteCertificateRequest(writer);
        WriteAuthentication(writer, asServer: true, schedule.ServerHandshakeTraffic);
        EnterApplication(schedule);
        SendCrypto(EncryptionLevel.Handshake, writer.Memory);
        // The server may send at once; it reads 1-RTT only when the client is authenticated (RFC 9001 §5.7).
        InstallWriteKeys(EncryptionLevel.OneRtt, schedule.ServerApplicationTraffic);
        ReadLevel = EncryptionLevel.Handshake;
        _state = State.Certificate;
        return true;
    }

    private TlsWriter.Mark WriteHelloStart(TlsWriter writer, ReadOnlySpan<byte> random)
    {
        var message = writer.BeginMessage(HandshakeType.ServerHello);
        writer.UInt16(TlsConstants.LegacyVersion);
        writer.Bytes(random);
        writer.Byte(0);
        writer.UInt16((ushort)CipherSuite);
        writer.Byte(0);
        return message;
    }

    private static void WriteVersion(TlsWriter writer)
    {
        var extension = writer.BeginExtension(ExtensionType.SupportedVersions);
        writer.UInt16(TlsConstants.Tls13);
        writer.End(extension);
    }

    private void WriteEncryptedExtensions(TlsWriter writer, ReadOnlySpan<byte> alpn)
    {
        var start = writer.Length;
        var message = writer.BeginMessage(HandshakeType.EncryptedExtensions);
        var extensions = writer.Begin(2);
        var extension = writer.BeginExtension(ExtensionType.Alpn);
        var list = writer.Begin(2);
        writer.Byte((byte)alpn.Length);
        writer.Bytes(alpn);
        writer.End(list);
        writer.End(extension);
        foreach (var type in (ReadOnlySpan<ushort>)
            [ExtensionType.ClientCertificateType, ExtensionType.ServerCertificateType])
        {
            extension = writer.BeginExtension(type);
            writer.Byte(TlsConstants.RawPublicKeyType);
            writer.End(extension);
        }
        extension = writer.BeginExtension(ExtensionType.QuicTransportParameters);
        writer.Bytes(_settings.TransportParameters.Span);
        writer.End(extension);
        writer.End(extensions);
        writer.End(message);
        Transcript.Append(writer.WrittenFrom(start));
    }

    private void WriteCertificateRequest(TlsWriter writer)
    {
        var start = writer.Length;
        var message = writer.BeginMessage(HandshakeType.CertificateRequest);
        writer.Byte(0);
        var extensions = writer.Begin(2);
        var extension = writer.BeginExtension(ExtensionType.SignatureAlgorithms);
        var list = writer.Begin(2);
        writer.UInt16(TlsConstants.Ed25519Scheme);
        writer.End(list);
        writer.End(extension);
        writer.End(extensions);
        writer.End(message);
        Transcript.Append(writer.WrittenFrom(start));
    }

    private bool HandleClientCertificate(ReadOnlySpan<byte> message)
    {
        if (!HandleCertificate(message, TlsAlert.CertificateRequired, out _))
            return false;
        _state = State.CertificateVerify;
        return true;
    }

    private bool HandleClientCertificateVerify(ReadOnlySpan<byte> message)
    {
        if (!HandleCertificateVerify(message, ofServer: false))
            return false;
        _state = State.Finished;
        return true;
    }

    private bool HandleClientFinished(ReadOnlySpan<byte> message)
    {
        // Made when the flight was sent, which precedes this state.
        var schedule = Schedule!;
        if (!HandleFinished(message, schedule.ClientHandshakeTraffic))
            return false;
        InstallReadKeys(EncryptionLevel.OneRtt, schedule.ClientApplicationTraffic);
        _state = State.Complete;
        Complete();
        return true;
    }

    private static string? ReadServerName(ReadOnlySpan<byte> extension)
    {
        // Shown to people only, so a malformed name is no name and no error (spec/quic.md §4.1).
        var reader = new TlsReader(extension);
        if (!reader.TryReadVector16(out var list))
            return null;
        reader = new TlsReader(list);
        if (!reader.TryReadByte(out var type) || type != 0 || !reader.TryReadVector16(out var name))
            return null;
        return name.Length is > 0 and <= byte.MaxValue && !name.ContainsAnyExceptInRange((byte)0x21, (byte)0x7e)
            ? Encoding.ASCII.GetString(name)
            : null;
    }
}
