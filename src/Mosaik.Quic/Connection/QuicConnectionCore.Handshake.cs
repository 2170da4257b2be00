using System.Buffers.Binary;
using Mosaik.Quic.Crypto;
using Mosaik.Quic.Streams;
using Mosaik.Quic.Tls;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Connection;

// TLS on one side, keys and CRYPTO streams on the other; Retry and Version Negotiation (RFC 9001 §4, RFC 9000 §6, §7,
// §17.2.5).
internal sealed partial class QuicConnectionCore
{
    private TlsHandshakeCore? _tls;
    private bool _tlsEventsPending;
    private ConnectionId? _retrySource;
    private byte[] _token = [];
    private TransportParameters? _peerParameters;
    private bool _handshakeDonePending;

    /// <summary>The AEAD keys of Initial packets follow from this id (RFC 9001 §5.2).</summary>
    private void InstallInitialKeys(in ConnectionId id)
    {
        Span<byte> bytes = stackalloc byte[ConnectionId.MaxLength];
        int length = id.CopyTo(bytes);
        (PacketKeys client, PacketKeys server) = InitialKeys.Derive(bytes[..length]);
        LevelState initial = _levels[(int)EncryptionLevel.Initial];
        initial.ReleaseKeys();
        initial.Write = _isClient ? client : server;
        initial.Read = _isClient ? server : client;
    }

    private void StartTls()
    {
        byte[] parameters = EncodeTransportParameters();
        if (_isClient)
        {
            _tls = TlsHandshakeCore.Client(new TlsClientSettings
            {
                Identity = _settings.Identity,
                Alpn = _alpn,
                TransportParameters = parameters,
                Random = _settings.Random,
                CipherSuites = _settings.CipherSuites,
                Groups = _settings.Groups,
                KeyLog = _settings.KeyLog,
                FixedX25519PrivateKey = _settings.Knobs.FixedX25519PrivateKey,
                ExpectedPeerKey = _expectedPeerKey,
                ServerName = _settings.Knobs.OmitServerName ? null : _serverName,
            });
        }
        else
        {
            _tls = TlsHandshakeCore.Server(new TlsServerSettings
            {
                Identity = _settings.Identity,
                Alpn = _alpn,
                TransportParameters = parameters,
                Random = _settings.Random,
                CipherSuites = _settings.CipherSuites,
                Groups = _settings.Groups,
                KeyLog = _settings.KeyLog,
                FixedX25519PrivateKey = _settings.Knobs.FixedX25519PrivateKey,
            });
        }
        _tls.Start();
    }

    private byte[] EncodeTransportParameters()
    {
        byte[] token = [];
        if (!_isClient)
        {
            token = new byte[TransportParameters.ResetTokenLength];
            _owner.GetResetToken(_localInitialId.AsUInt64).CopyTo(token);
        }
        byte[] encoded = new TransportParameters
        {
            OriginalDestinationConnectionId = _isClient ? null : _originalDestination,
            MaxIdleTimeoutMilliseconds = (ulong)_settings.IdleTimeout.TotalMilliseconds,
            StatelessResetToken = token,
            MaxUdpPayloadSize = _settings.MaxUdpPayloadSize,
            InitialMaxData = _settings.ConnectionReceiveWindow,
            InitialMaxStreamDataBidiLocal = _settings.StreamReceiveWindow,
            InitialMaxStreamDataBidiRemote = _settings.StreamReceiveWindow,
            InitialMaxStreamDataUni = _settings.StreamReceiveWindow,
            InitialMaxStreamsBidi = _settings.MaxBidirectionalStreams,
            InitialMaxStreamsUni = _settings.MaxUnidirectionalStreams,
            ActiveConnectionIdLimit = (ulong)_settings.ActiveConnectionIdLimit,
            InitialSourceConnectionId = _localInitialId,
            RetrySourceConnectionId = _isClient ? null : _retrySource,
        }.Encode();
        return _settings.Knobs.TransportParameters?.Invoke(encoded) ?? encoded;
    }

    /// <summary>
    /// CRYPTO data in order is given to TLS at once; what TLS wants done waits until the packet is processed.
    /// </summary>
    private bool OnCrypto(TimeSpan now, EncryptionLevel level, ulong offset, ReadOnlySpan<byte> data)
    {
        CryptoStream crypto = _levels[(int)level].Crypto;
        if (crypto.OnCrypto(offset, data) is { } error)
        {
            CloseWithError(now, error, (ulong)FrameType.Crypto, "CRYPTO data beyond the buffer");
            return false;
        }
        if (_tls is null)
            StartTls();
        // StartTls sets the field.
        TlsHandshakeCore tls = _tls!;
        while (!crypto.Readable.IsEmpty)
        {
            ReadOnlySpan<byte> chunk = crypto.Readable;
            bool accepted = tls.Receive(level, chunk);
            crypto.Advance(chunk.Length);
            if (!accepted)
            {
                // Messages TLS queued before it failed (a key for the peer to read the alert with) are still wanted.
                DrainTlsEvents(now);
                CloseWithError(now, (QuicError)tls.ErrorCode, (ulong)FrameType.Crypto, tls.Reason ?? "");
                return false;
            }
        }
        _tlsEventsPending = true;
        return true;
    }

    private void DrainTlsEvents(TimeSpan now)
    {
        bool newReadKeys = false;
        while (_tls is not null && _tls.TryPollEvent(out TlsEvent e))
        {
            switch (e.Kind)
            {
                case TlsEventKind.SendCrypto:
                    _levels[(int)e.Level].Crypto.Write(e.Data.Span);
                    break;
                case TlsEventKind.InstallWriteKeys:
                    InstallWriteKeys(now, e.Level, e.Keys!);   // the event of this kind always has keys
                    break;
                case TlsEventKind.InstallReadKeys:
                    InstallReadKeys(now, e.Level, e.Keys!);    // likewise
                    newReadKeys = true;
                    break;
                case TlsEventKind.PeerTransportParameters:
                    ApplyPeerParameters(now, e.Data.Span);
                    break;
                case TlsEventKind.HandshakeComplete:
                    OnHandshakeComplete(now);
                    newReadKeys = true;
                    break;
                default:
                    throw new InvalidOperationException($"unknown TLS event {e.Kind}");
            }
            if (State is not (ConnectionState.Handshaking or ConnectionState.Open))
                return;
        }
        if (newReadKeys)
            ReplayEarlyPackets(now);
    }

    private void InstallWriteKeys(TimeSpan now, EncryptionLevel level, PacketKeys keys)
    {
        if (level == EncryptionLevel.OneRtt)
            _oneRtt.InstallWrite(keys);
        else
            _levels[(int)level].Write = keys;
        if (level == EncryptionLevel.Handshake)
            _loss.HasHandshakeKeys = true;
        _trace?.KeyUpdated(now, level, write: true, 0);
    }

    private void InstallReadKeys(TimeSpan now, EncryptionLevel level, PacketKeys keys)
    {
        if (level == EncryptionLevel.OneRtt)
            _oneRtt.InstallRead(keys);
        else
            _levels[(int)level].Read = keys;
        _trace?.KeyUpdated(now, level, write: false, 0);
    }

    private void ApplyPeerParameters(TimeSpan now, ReadOnlySpan<byte> encoded)
    {
        TransportParameters? parameters = TransportParameters.TryParse(encoded, out string? reason);
        reason ??= parameters?.Validate(senderIsServer: _isClient, _peerInitialId, _originalDestination, _retrySource);
        if (parameters is null || reason is not null)
        {
            CloseWithError(now, QuicError.TransportParameterError, 0, reason ?? "transport parameters");
            return;
        }
        _peerParameters = parameters;
        _loss.SetPeerAckDelay((int)parameters.AckDelayExponent,
            TimeSpan.FromMilliseconds(parameters.MaxAckDelayMilliseconds));
        _streams.ApplyPeerParameters(parameters);
        TimeSpan peerIdle = TimeSpan.FromMilliseconds(
            Math.Min(parameters.MaxIdleTimeoutMilliseconds, MaxIdleMilliseconds));
        _idleTimeout = _settings.IdleTimeout == TimeSpan.Zero ? peerIdle
            : peerIdle == TimeSpan.Zero || peerIdle > _settings.IdleTimeout ? _settings.IdleTimeout : peerIdle;
        if (!parameters.StatelessResetToken.IsEmpty)
        {
            _remoteIds.SetInitialResetToken(parameters.StatelessResetToken.Span);
            RegisterPeerToken();
        }
    }

    private void OnHandshakeComplete(TimeSpan now)
    {
        SetState(now, ConnectionState.Open);
        _handshakeDeadline = null;
        IsHandshakeComplete = true;
        RaiseEvent(new ConnectionEvent(ConnectionEventKind.Connected));
        IssueConnectionIds();
        if (_isClient)
            return;
        _handshakeDonePending = true;
        OnHandshakeConfirmed(now);
    }

    private void OnHandshakeConfirmed(TimeSpan now)
    {
        if (IsHandshakeConfirmed)
            return;
        IsHandshakeConfirmed = true;
        _loss.OnHandshakeConfirmed(now);
        DiscardLevel(now, EncryptionLevel.Initial);
        DiscardLevel(now, EncryptionLevel.Handshake);
        _probeSizes = _settings.Knobs.MtuProbes;
        RaiseEvent(new ConnectionEvent(ConnectionEventKind.Confirmed));
    }

    private void DiscardLevel(TimeSpan now, EncryptionLevel level)
    {
        LevelState state = _levels[(int)level];
        if (state.IsDiscarded)
            return;
        state.IsDiscarded = true;
        state.ReleaseKeys();
        state.Crypto.Dispose();
        _loss.DiscardSpace(now, state.Space.Id);
        _trace?.KeyDiscarded(now, level);
    }

    /// <summary>
    /// The server's, or a Retry's, choice of id replaces the random one of our first Initial (RFC 9000 §7.2).
    /// </summary>
    private void AdoptPeerId(in ConnectionId id)
    {
        _peerIdKnown = true;
        _peerInitialId = id;
        _remoteIds.SetInitial(id);
    }

    private void HandleRetry(TimeSpan now, ReadOnlySpan<byte> datagram, in PacketHeader header)
    {
        Span<byte> original = stackalloc byte[ConnectionId.MaxLength];
        original = original[.._originalDestination.CopyTo(original)];
        // RFC 9000 §17.2.5.2: once, before anything authentic arrived, and never with the id we already use.
        if (!_isClient || _retrySource is not null || HasReceivedAuthenticPacket
            || header.SourceConnectionId == _originalDestination
            || !RetryIntegrityTag.Verify(original, datagram[header.Start..header.End]))
        {
            _trace?.PacketDropped(now, PacketDropReason.Unexpected, header.End - header.Start);
            return;
        }
        _retrySource = header.SourceConnectionId;
        _token = datagram.Slice(header.TokenRange.Offset, header.TokenRange.Length).ToArray();
        _remoteIds.SetInitial(header.SourceConnectionId);
        InstallInitialKeys(header.SourceConnectionId);
        _loss.OnRetry(now);
    }

    private void HandleVersionNegotiation(TimeSpan now, ReadOnlySpan<byte> datagram, in PacketHeader header)
    {
        bool expected = _isClient && !HasReceivedAuthenticPacket && _retrySource is null
            && header.SourceConnectionId == _originalDestination;
        (int offset, int length) = header.VersionsRange;
        for (ReadOnlySpan<byte> list = datagram.Slice(offset, length); expected && !list.IsEmpty; list = list[4..])
        {
            // A list with the version we use is not an answer to us (RFC 9000 §6.2).
            if (BinaryPrimitives.ReadUInt32BigEndian(list) == _settings.InitialVersion)
                expected = false;
        }
        if (!expected)
        {
            _trace?.PacketDropped(now, PacketDropReason.Unexpected, header.End - header.Start);
            return;
        }
        EnterDraining(now, new QuicCloseInfo(QuicCloseKind.VersionNegotiation, IsRemote: true, 0, ""));
    }
}
