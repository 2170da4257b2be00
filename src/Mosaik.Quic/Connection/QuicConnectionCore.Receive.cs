using Mosaik.Quic.Crypto;
using Mosaik.Quic.Paths;
using Mosaik.Quic.Tls;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Connection;

// From a datagram to opened packets: coalescing, keys, packet numbers, duplicates (RFC 9000 §12, RFC 9001 §5).
internal sealed partial class QuicConnectionCore
{
    /// <summary>Undecryptable packets kept during the handshake (spec/reliability.md E20).</summary>
    private const int MaxEarlyPackets = 8;

    /// <summary>
    /// Trial openings per second for packets from an address that is not ours to expect (spec/reliability.md E18).
    /// </summary>
    private const int MaxStrayTrialsPerSecond = 100;

    /// <summary>The smallest datagram that may carry a client's Initial (RFC 9000 §14.1).</summary>
    private const int MinInitialDatagram = 1200;

    private readonly List<EarlyPacket> _earlyPackets = [];
    private ulong _failedOpens;
    private RateWindow _strayTrials = new(MaxStrayTrialsPerSecond, TimeSpan.FromSeconds(1));

    /// <summary>Packets that wait for their keys, for tests.</summary>
    public int EarlyPackets => _earlyPackets.Count;

    /// <summary>
    /// Handles one datagram; its bytes are overwritten. Answers, if any, are produced by the next polls for output,
    /// once for
    /// all datagrams handled before.
    /// </summary>
    public void HandleDatagram(TimeSpan now, in PathAddress path, Ecn ecn, Span<byte> datagram)
    {
        Statistics.DatagramsReceived++;
        Statistics.BytesReceived += (ulong)datagram.Length;
        if (datagram.IsEmpty || State is ConnectionState.Draining or ConnectionState.Drained)
            return;
        _owner.OnWork(this);
        if (State == ConnectionState.Closing)
        {
            OnDatagramWhileClosing(now, path, datagram);
            return;
        }
        if (!AcceptSource(now, path, datagram.Length))
        {
            _trace?.PacketDropped(now, PacketDropReason.UnexpectedPath, datagram.Length);
            return;
        }
        HandlePackets(now, path, ecn, datagram);
    }

    /// <summary>
    /// The endpoint found one of the peer's reset tokens at the end of a datagram it could not route.
    /// </summary>
    public void HandleStatelessReset(TimeSpan now, ReadOnlySpan<byte> datagram)
    {
        if (State is ConnectionState.Handshaking or ConnectionState.Open && IsStatelessReset(datagram))
            EnterDraining(now, new QuicCloseInfo(QuicCloseKind.StatelessReset, IsRemote: true, 0, ""));
    }

    private void HandlePackets(TimeSpan now, in PathAddress path, Ecn ecn, Span<byte> datagram)
    {
        ConnectionId first = default;
        bool anyOpened = false;
        for (int offset = 0; offset < datagram.Length;)
        {
            if (!PacketHeader.TryParse(datagram, offset, out PacketHeader header))
            {
                _trace?.PacketDropped(now, PacketDropReason.HeaderInvalid, datagram.Length - offset);
                break;
            }
            if (offset == 0)
            {
                first = header.DestinationConnectionId;
            }
            else if (header.DestinationConnectionId != first)
            {
                // RFC 9000 §12.2: a coalesced packet for somebody else is not ours to read.
                _trace?.PacketDropped(now, PacketDropReason.ConnectionIdMismatch, header.End - offset);
                offset = header.End;
                continue;
            }
            offset = header.End;
            anyOpened |= HandlePacket(now, path, ecn, datagram, header);
            if (State is not (ConnectionState.Handshaking or ConnectionState.Open))
                return;
        }
        if (!anyOpened && (datagram[0] & PacketHeader.LongHeaderBit) == 0 && IsStatelessReset(datagram))
        {
            EnterDraining(now, new QuicCloseInfo(QuicCloseKind.StatelessReset, IsRemote: true, 0, ""));
        }
    }

    private bool HandlePacket(TimeSpan now, in PathAddress path, Ecn ecn, Span<byte> datagram, in PacketHeader header)
    {
        switch (header.Type)
        {
            case PacketType.OneRtt:
                return HandleProtected(now, path, ecn, datagram, header, EncryptionLevel.OneRtt);
            case PacketType.Initial when _isClient && header.TokenRange.Length != 0:
                // Only clients send tokens (RFC 9000 §17.2.2).
                _trace?.PacketDropped(now, PacketDropReason.HeaderInvalid, header.End - header.Start);
                return false;
            case PacketType.Initial when !_isClient && datagram.Length < MinInitialDatagram:
                _trace?.PacketDropped(now, PacketDropReason.HeaderInvalid, header.End - header.Start);
                return false;
            case PacketType.Initial:
                return HandleProtected(now, path, ecn, datagram, header, EncryptionLevel.Initial);
            case PacketType.Handshake:
                return HandleProtected(now, path, ecn, datagram, header, EncryptionLevel.Handshake);
            case PacketType.Retry:
                HandleRetry(now, datagram, header);
                return false;
            case PacketType.VersionNegotiation:
                HandleVersionNegotiation(now, datagram, header);
                return false;
            default:
                _trace?.PacketDropped(now, PacketDropReason.Unexpected, header.End - header.Start);
                return false;
        }
    }

    private bool HandleProtected(
        TimeSpan now, in PathAddress path, Ecn ecn, Span<byte> datagram, in PacketHeader header, EncryptionLevel level)
    {
        int size = header.End - header.Start;
        if (!header.HasSample)
        {
            _trace?.PacketDropped(now, PacketDropReason.HeaderInvalid, size);
            return false;
        }
        if (level != EncryptionLevel.OneRtt && _peerIdKnown && header.SourceConnectionId != _peerInitialId)
        {
            // The peer's first id is fixed by its first packet (RFC 9000 §7.2).
            _trace?.PacketDropped(now, PacketDropReason.ConnectionIdMismatch, size);
            return false;
        }
        LevelState state = _levels[(int)level];
        HeaderProtection? protection = level == EncryptionLevel.OneRtt
            ? IsHandshakeComplete && _oneRtt.CanRead ? _oneRtt.ReadHeaderProtection : null
            : state.Read?.HeaderProtection;
        Span<byte> packet = datagram[header.Start..header.End];
        if (protection is null)
        {
            KeepEarlyPacket(now, path, ecn, packet, state);
            return false;
        }
        int numberOffset = header.PacketNumberOffset - header.Start;
        if (!PacketProtection.TryRemoveHeaderProtection(
                protection, packet, numberOffset, out int numberLength, out uint truncated))
        {
            _trace?.PacketDropped(now, PacketDropReason.HeaderInvalid, size);
            return false;
        }
        ulong number = PacketNumber.Decode(truncated, numberLength, state.Space.Received.Largest);
        Span<byte> headerBytes = packet[..(numberOffset + numberLength)];
        Span<byte> payload = packet[(numberOffset + numberLength)..];
        ulong generation = 0;
        bool opened;
        if (level == EncryptionLevel.OneRtt)
        {
            OpenResult result = _oneRtt.TryOpen(now, ThreeProbeTimeouts, PacketHeader.KeyPhase(packet[0]), number,
                NextPacketNumber(EncryptionLevel.OneRtt), headerBytes, payload, out generation);
            if (result == OpenResult.UpdateViolation)
            {
                CloseWithError(now, QuicError.KeyUpdateError, 0, _oneRtt.Violation);
                return true;
            }
            if (result == OpenResult.OpenedWithUpdate)
                _trace?.KeyUpdated(now, level, write: false, _oneRtt.ReadGeneration);
            opened = result != OpenResult.Failed;
        }
        else
        {
            // Checked above: without read keys there is no header protection.
            opened = state.Read!.TryOpen(number, headerBytes, payload);
        }
        if (!opened)
        {
            OnOpenFailed(now, level, size);
            return false;
        }
        if (number > PacketNumber.MaxValue || PacketHeader.HasReservedBits(packet[0]))
        {
            CloseWithError(now, QuicError.ProtocolViolation, 0, "reserved bits are set");
            return true;
        }
        OnPacketOpened(now, path, ecn, header, level, number, generation, payload[..^PacketProtection.TagLength]);
        return true;
    }

    private void OnPacketOpened(
        TimeSpan now, in PathAddress path, Ecn ecn, in PacketHeader header, EncryptionLevel level, ulong number,
        ulong generation, ReadOnlySpan<byte> payload)
    {
        LevelState state = _levels[(int)level];
        if (state.Space.Received.IsDuplicate(number))
        {
            Statistics.DuplicatePackets++;
            _trace?.PacketDropped(now, PacketDropReason.Duplicate, header.End - header.Start);
            return;
        }
        bool isNewest = state.Space.Received.Largest is not { } largest || number > largest;
        state.Space.Received.TryAdd(number);
        Statistics.PacketsReceived++;
        _trace?.PacketReceived(now, level, number, header.End - header.Start, payload);
        _packetDestination = header.DestinationConnectionId;
        OnAuthenticated(now, path, header, level);
        if (!ProcessFrames(now, path, level, generation, payload, out bool ackEliciting, out bool probing))
            return;
        state.Space.OnPacketReceived(now, number, ackEliciting, ecn == Ecn.Ce);
        if (level == EncryptionLevel.OneRtt)
            ConsiderMigration(now, path, isNewest && !probing);
        if (!_tlsEventsPending)
            return;
        _tlsEventsPending = false;
        DrainTlsEvents(now);
    }

    /// <summary>What any authentic packet proves (RFC 9000 §7.2, §8.1, §10.1; RFC 9001 §4.9.1).</summary>
    private void OnAuthenticated(TimeSpan now, in PathAddress path, in PacketHeader header, EncryptionLevel level)
    {
        HasReceivedAuthenticPacket = true;
        RestartIdleTimer(now);
        if (level == EncryptionLevel.OneRtt)
            return;
        if (!_peerIdKnown)
            AdoptPeerId(header.SourceConnectionId);
        if (level == EncryptionLevel.Handshake && !_isClient)
        {
            if (path == _path.Address && !_path.IsValidated)
            {
                _path.OnPeerAddressValidated();
                _loss.SetAmplificationLimited(now, false);
            }
            DiscardLevel(now, EncryptionLevel.Initial);
        }
    }

    private void OnOpenFailed(TimeSpan now, EncryptionLevel level, int size)
    {
        Statistics.PacketsNotOpened++;
        _trace?.PacketDropped(now, PacketDropReason.AuthenticationFailed, size);
        _failedOpens++;
        if (level == EncryptionLevel.OneRtt && _failedOpens >= _oneRtt.IntegrityLimit)
            CloseWithError(now, QuicError.AeadLimitReached, 0, "integrity limit of the packet keys");
    }

    private void KeepEarlyPacket(
        TimeSpan now, in PathAddress path, Ecn ecn, ReadOnlySpan<byte> packet, LevelState state)
    {
        bool fits = _earlyPackets.Count < MaxEarlyPackets && (ulong)packet.Length <= _settings.MaxUdpPayloadSize;
        if (state.IsDiscarded || State != ConnectionState.Handshaking || !fits)
        {
            PacketDropReason reason = state.IsDiscarded
                ? PacketDropReason.KeysDiscarded
                : PacketDropReason.KeysUnavailable;
            _trace?.PacketDropped(now, reason, packet.Length);
            return;
        }
        _earlyPackets.Add(new EarlyPacket(path, ecn, packet.ToArray()));
    }

    /// <summary>Tries the kept packets again after keys were installed.</summary>
    private void ReplayEarlyPackets(TimeSpan now)
    {
        if (_earlyPackets.Count == 0)
            return;
        EarlyPacket[] packets = [.. _earlyPackets];
        _earlyPackets.Clear();
        foreach (EarlyPacket early in packets)
        {
            if (State is not (ConnectionState.Handshaking or ConnectionState.Open))
                return;
            if (PacketHeader.TryParse(early.Bytes, 0, out PacketHeader header))
                HandlePacket(now, early.Path, early.Ecn, early.Bytes, header);
        }
    }

    private bool IsStatelessReset(ReadOnlySpan<byte> datagram)
    {
        const int MinLength = 21;   // RFC 9000 §10.3: at least 5 bytes before the token
        return datagram.Length >= MinLength && _remoteIds.IsStatelessReset(datagram);
    }

    /// <summary>A packet that came before its keys.</summary>
    private readonly record struct EarlyPacket(PathAddress Path, Ecn Ecn, byte[] Bytes);
}
