using System.Security.Cryptography;
using System.Text;
using Mosaik.Quic.Crypto;

namespace Mosaik.Quic.Tls;

/// <summary>One TLS 1.3 handshake of either role, without input or output of its own (spec/quic.md §3).</summary>
/// <remarks>
/// <para>
/// TLS 1.3 (RFC 8446) over QUIC (RFC 9001) with raw public keys in both directions (RFC 7250). The client sends
/// ClientHello; the server answers ServerHello at the Initial level and EncryptedExtensions, CertificateRequest,
/// Certificate, CertificateVerify and Finished at the Handshake level; the client answers Certificate,
/// CertificateVerify and Finished. One HelloRetryRequest may come in between. Keys are handed out as events as soon as
/// the transcript allows them, a server's 1-RTT read keys only when the client is authenticated.
/// </para>
/// <para>
/// Order of calls: construct, <see cref="Start"/> (a client then has its ClientHello to send), <see cref="Receive"/>
/// for CRYPTO bytes in order and in any fragmentation, and after each of them <see cref="TryPollEvent"/> until it is
/// false. When <see cref="Receive"/> answers false the connection closes with <see cref="ErrorCode"/>; the core stays
/// failed. Disposing zeroes secrets; key objects handed out belong to their receiver.
/// </para>
/// <para>
/// What it does not do: resumption, tickets, 0-RTT, key updates (those of QUIC are in <see cref="PacketKeys"/>),
/// records, certificates other than raw Ed25519 keys. It does not judge who the peer is, except that a client insists
/// on the key it dialled.
/// </para>
/// </remarks>
internal abstract partial class TlsHandshakeCore : IDisposable
{
    private readonly TlsSettings _settings;
    private readonly Queue<TlsEvent> _events = new();
    private readonly byte[] _peerKey = new byte[Ed25519Strict.PublicKeyLength];

    // A message that did not arrive in one piece; grows only with what has arrived, up to the longest legal message.
    private byte[] _partial = [];
    private int _partialLength;
    private int _skip;
    private bool _disposed;

    private protected TlsHandshakeCore(TlsSettings settings)
    {
        TlsSettings.Validate(settings);
        _settings = settings;
    }

    /// <summary>Makes the core of a client.</summary>
    internal static TlsHandshakeCore Client(TlsClientSettings settings) => new TlsClientHandshake(settings);

    /// <summary>Makes the core of a server.</summary>
    internal static TlsHandshakeCore Server(TlsServerSettings settings) => new TlsServerHandshake(settings);

    /// <summary>Whether both Finished messages were exchanged and verified.</summary>
    internal bool IsComplete { get; private set; }

    /// <summary>The error to close with: 0x100 + alert, or PROTOCOL_VIOLATION; NoError while nothing failed.</summary>
    internal QuicError ErrorCode { get; private set; }

    /// <summary>The alert behind <see cref="ErrorCode"/>, if it is one.</summary>
    internal TlsAlert? Alert { get; private set; }

    /// <summary>One line for people on what failed; null while nothing failed.</summary>
    internal string? Reason { get; private set; }

    /// <summary>The negotiated suite; meaningful from the first keys on.</summary>
    internal CipherSuite CipherSuite { get; private protected set; }

    /// <summary>The negotiated group; meaningful from the first keys on.</summary>
    internal NamedGroup Group { get; private protected set; }

    /// <summary>The negotiated application protocol; null before it is known.</summary>
    internal string? Alpn { get; private protected set; }

    /// <summary>The authenticated key of the peer; empty before the handshake is complete.</summary>
    internal ReadOnlyMemory<byte> PeerPublicKey => IsComplete ? _peerKey : default(ReadOnlyMemory<byte>);

    /// <summary>
    /// On a client that was answered by another key than the dialled one: the key found; otherwise empty.
    /// </summary>
    internal ReadOnlyMemory<byte> UnexpectedPeerKey { get; private protected set; }

    /// <summary>
    /// The name that a client sends or a server was sent, if it is plain text; never used for a decision.
    /// </summary>
    internal string? ServerName { get; private protected set; }

    /// <summary>The level at which the next message of the peer is expected.</summary>
    private protected EncryptionLevel ReadLevel { get; set; }

    /// <summary>The running hash.</summary>
    private protected TlsTranscript Transcript { get; } = new();

    /// <summary>The secrets, from ServerHello on.</summary>
    private protected TlsKeySchedule? Schedule { get; set; }

    /// <summary>The random field of the ClientHello, which names the connection in the key log.</summary>
    private protected byte[] ClientRandom { get; } = new byte[TlsConstants.RandomLength];

    /// <summary>Starts the handshake: a client queues its ClientHello, a server has nothing to do.</summary>
    internal abstract void Start();

    /// <summary>
    /// Takes the next CRYPTO bytes of a level. False when the handshake has failed; see <see cref="ErrorCode"/>.
    /// </summary>
    internal bool Receive(EncryptionLevel level, ReadOnlySpan<byte> data)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        while (ErrorCode == QuicError.NoError && !data.IsEmpty)
        {
            // Also catches what is left over when a message has moved the handshake to the next level.
            if (level != ReadLevel)
                return Fail(TlsAlert.UnexpectedMessage, "handshake data at the wrong encryption level");
            ReceiveSome(ref data);
        }
        return ErrorCode == QuicError.NoError;
    }

    /// <summary>The next thing to do, in order; false when there is none.</summary>
    internal bool TryPollEvent(out TlsEvent e) => _events.TryDequeue(out e);

    /// <summary>
    /// Keying material for the application (RFC 8446 §7.5, spec/quic.md §3.10): equal on both sides. False before the
    /// handshake is complete.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The label does not have 1 to 249 bytes.</exception>
    internal bool ExportKeyingMaterial(ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> output)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfZero(label.Length, nameof(label));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(label.Length, HkdfLabel.MaxLabelLength, nameof(label));
        if (!IsComplete || Schedule is null)
            return false;
        Schedule.Export(label, context, output);
        return true;
    }

    /// <summary>Zeroes secrets and disposes key objects that nobody polled.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        DiscardEvents();
        Schedule?.Dispose();
        Transcript.Dispose();
        DisposeRole();
    }

    /// <summary>Disposes what only one role owns.</summary>
    private protected abstract void DisposeRole();

    /// <summary>
    /// Decides from the type alone whether a message may come now, before its body is stored. On false it has failed.
    /// <paramref name="skip"/>: the body is of no interest and is dropped as it arrives.
    /// </summary>
    private protected abstract bool Expects(HandshakeType type, out bool skip);

    /// <summary>Handles one whole message whose type is expected. On false it has failed.</summary>
    private protected abstract bool Handle(HandshakeType type, ReadOnlySpan<byte> message);

    private protected bool Fail(TlsAlert alert, string reason)
    {
        Alert = alert;
        return Fail(QuicError.CryptoError + (ulong)alert, reason);
    }

    private protected bool Fail(QuicError error, string reason)
    {
        ErrorCode = error;
        Reason = reason;
        DiscardEvents();
        return false;
    }

    private protected void SendCrypto(EncryptionLevel level, ReadOnlyMemory<byte> data) =>
        _events.Enqueue(new TlsEvent(TlsEventKind.SendCrypto, level, data, Keys: null));

    private protected void InstallReadKeys(EncryptionLevel level, ReadOnlySpan<byte> secret) =>
        _events.Enqueue(new TlsEvent(
            TlsEventKind.InstallReadKeys, level, default, PacketKeys.FromSecret(CipherSuite, secret)));

    private protected void InstallWriteKeys(EncryptionLevel level, ReadOnlySpan<byte> secret) =>
        _events.Enqueue(new TlsEvent(
            TlsEventKind.InstallWriteKeys, level, default, PacketKeys.FromSecret(CipherSuite, secret)));

    private protected void ReportTransportParameters(ReadOnlySpan<byte> parameters) =>
        _events.Enqueue(new TlsEvent(
            TlsEventKind.PeerTransportParameters, ReadLevel, parameters.ToArray(), Keys: null));

    private protected void Complete()
    {
        IsComplete = true;
        ReadLevel = EncryptionLevel.OneRtt;
        _events.Enqueue(new TlsEvent(TlsEventKind.HandshakeComplete, EncryptionLevel.OneRtt, default, Keys: null));
    }

    /// <summary>Makes the ephemeral key of a group.</summary>
    private protected KeyExchange CreateExchange(NamedGroup group) =>
        group == NamedGroup.X25519 && !_settings.FixedX25519PrivateKey.IsEmpty
            ? X25519Exchange.FromPrivateKey(_settings.FixedX25519PrivateKey.Span)
            : KeyExchange.Create(group, _settings.Random);

    /// <summary>
    /// Derives the handshake secrets after ServerHello; false when the share of the peer is unusable.
    /// </summary>
    private protected bool TryEnterHandshake(KeyExchange exchange, ReadOnlySpan<byte> peerShare)
    {
        Span<byte> secret = stackalloc byte[KeyExchange.SharedSecretLength];
        if (!exchange.TryAgree(peerShare, secret))
            return false;
        Group = exchange.Group;
        Schedule = new TlsKeySchedule(CipherSuite);
        Span<byte> hash = stackalloc byte[TlsKeySchedule.MaxHashLength];
        Schedule.EnterHandshake(secret, Transcript.Current(hash));
        CryptographicOperations.ZeroMemory(secret);
        LogSecret("CLIENT_HANDSHAKE_TRAFFIC_SECRET", Schedule.ClientHandshakeTraffic);
        LogSecret("SERVER_HANDSHAKE_TRAFFIC_SECRET", Schedule.ServerHandshakeTraffic);
        return true;
    }

    /// <summary>Derives the application secrets; the transcript ends at the server's Finished.</summary>
    private protected void EnterApplication(TlsKeySchedule schedule)
    {
        Span<byte> hash = stackalloc byte[TlsKeySchedule.MaxHashLength];
        schedule.EnterApplication(Transcript.Current(hash));
        LogSecret("CLIENT_TRAFFIC_SECRET_0", schedule.ClientApplicationTraffic);
        LogSecret("SERVER_TRAFFIC_SECRET_0", schedule.ServerApplicationTraffic);
        LogSecret("EXPORTER_SECRET", schedule.ExporterMaster);
    }

    private void LogSecret(string label, ReadOnlySpan<byte> secret)
    {
        if (_settings.KeyLog is not { } keyLog)
            return;
        var line = new StringBuilder(label.Length + 2 + (2 * ClientRandom.Length) + (2 * secret.Length));
        line.Append(label).Append(' ').Append(Convert.ToHexStringLower(ClientRandom)).Append(' ');
        keyLog(line.Append(Convert.ToHexStringLower(secret)).ToString());
    }

    // Takes one message, or the part of one that is there.
    private void ReceiveSome(ref ReadOnlySpan<byte> data)
    {
        if (_skip > 0)
        {
            var dropped = Math.Min(_skip, data.Length);
            _skip -= dropped;
            data = data[dropped..];
            return;
        }
        if (_partialLength == 0 && data.Length >= TlsConstants.HeaderLength)
        {
            if (!TryReadHeader(data, out var total, out var skip))
                return;
            if (skip)
            {
                _skip = total - TlsConstants.HeaderLength;
                data = data[TlsConstants.HeaderLength..];
                return;
            }
            if (data.Length >= total)
            {
                var message = data[..total];
                data = data[total..];
                Handle((HandshakeType)message[0], message);
                return;
            }
        }
        ReceivePart(ref data);
    }

    private void ReceivePart(ref ReadOnlySpan<byte> data)
    {
        if (_partialLength < TlsConstants.HeaderLength)
            StorePart(ref data, TlsConstants.HeaderLength);
        if (_partialLength < TlsConstants.HeaderLength)
            return;
        if (!TryReadHeader(_partial, out var total, out var skip))
            return;
        if (skip)
        {
            _skip = total - TlsConstants.HeaderLength;
            _partialLength = 0;
            return;
        }
        StorePart(ref data, total);
        if (_partialLength < total)
            return;
        _partialLength = 0;
        Handle((HandshakeType)_partial[0], _partial.AsSpan(0, total));
    }

    private void StorePart(ref ReadOnlySpan<byte> data, int upTo)
    {
        var taken = Math.Min(upTo - _partialLength, data.Length);
        if (_partial.Length < _partialLength + taken)
            Array.Resize(ref _partial, Math.Max(_partialLength + taken, Math.Min(2 * _partial.Length, upTo)));
        data[..taken].CopyTo(_partial.AsSpan(_partialLength));
        _partialLength += taken;
        data = data[taken..];
    }

    private bool TryReadHeader(ReadOnlySpan<byte> header, out int total, out bool skip)
    {
        var length = (header[1] << 16) | (header[2] << 8) | header[3];
        total = TlsConstants.HeaderLength + length;
        if (!Expects((HandshakeType)header[0], out skip))
            return false;
        return length <= TlsConstants.MaxMessageLength
            || Fail(TlsAlert.DecodeError, "a handshake message is longer than 16384 bytes");
    }

    private void DiscardEvents()
    {
        while (_events.TryDequeue(out var e))
            e.Keys?.Dispose();
    }
}
