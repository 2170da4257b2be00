using Mosaik.Quic.Paths;
using Mosaik.Quic.Recovery;
using Mosaik.Quic.Tls;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Connection;

// Addresses: which ones we listen to, anti-amplification, validation, and the peer's migration (RFC 9000 §8, §9;
// spec/quic.md §8.2).
internal sealed partial class QuicConnectionCore
{
    /// <summary>
    /// After the handshake, a path that is not validated is still used for datagrams of at least this size: a challenge
    /// must
    /// get out although only small packets came in.
    /// </summary>
    private const int SmallestUsefulDatagram = 64;

    private readonly PathMigration _migration;
    private ulong? _responsePending;
    private (PathAddress To, ulong Data, int Room)? _offPathResponse;
    private int _datagramLength;            // of the datagram being processed
    private bool _padDatagram;              // a path frame asks for a full-size datagram

    private PathState _path => _migration.Current;

    private TimeSpan? PathDeadline => _path.NextTimeout;

    private bool HasPathFrames => _path.HasChallenge || _responsePending is not null;

    /// <summary>Decides whether a datagram from this source is looked at, and credits the path.</summary>
    private bool AcceptSource(TimeSpan now, in PathAddress path, int length)
    {
        _datagramLength = length;
        if (path == _path.Address)
        {
            _path.OnDatagramReceived(length);
            if (!_path.IsValidated)
            {
                // The packet that validates an address during the handshake may have been a copy from another one.
                if (IsHandshakeConfirmed && !_path.IsValidating)
                    _path.BeginValidation(now, _loss.ProbeTimeout);
                _loss.SetAmplificationLimited(now, IsAmplificationLimited);
            }
            return true;
        }
        // The server does not move (RFC 9000 §9). Copies of a client's first packets may come from any of its
        // addresses; they
        // are read, but neither credited nor answered there (spec/quic.md §8.2).
        return !_isClient && _strayTrials.TryTake(now);
    }

    private bool IsAmplificationLimited =>
        _path.SendAllowance < (IsHandshakeConfirmed ? SmallestUsefulDatagram : _path.MaxDatagramSize);

    /// <summary>The newest non-probing packet decides where a client is (RFC 9000 §9.3).</summary>
    private void ConsiderMigration(TimeSpan now, in PathAddress path, bool isNewestNonProbing)
    {
        ConnectionId previousChoice = _lastPeerChoice;
        if (isNewestNonProbing)
            _lastPeerChoice = _packetDestination;
        if (path == _path.Address || _isClient || !IsHandshakeConfirmed || !isNewestNonProbing
            || State != ConnectionState.Open || !_migration.TryMigrate(now, path, _loss.ProbeTimeout))
        {
            return;
        }
        _path.OnDatagramReceived(_datagramLength);
        OnPathChanged(now);
        // A peer that changed its id on purpose gets a fresh one in return, so that observers cannot link the paths
        // (§9.5).
        if (_packetDestination != previousChoice && _remoteIds.TrySwitch())
            RegisterPeerToken();
    }

    private void OnPathChanged(TimeSpan now)
    {
        Statistics.Migrations++;
        _loss.OnPathChanged(now, _path.Rtt, _path.Congestion);
        _loss.SetAmplificationLimited(now, IsAmplificationLimited);
        _trace?.PathChanged(now, _path.Address, _path.IsValidated);
    }

    /// <summary>The answer goes where the challenge came from (RFC 9000 §8.2.2); only the newest one is kept.</summary>
    private void OnPathChallenge(in PathAddress from, ulong data)
    {
        if (from == _path.Address)
            _responsePending = data;
        else
            _offPathResponse = (from, data, Math.Min(MinInitialDatagram, PathState.AmplificationFactor * _datagramLength));
    }

    private void OnPathResponse(TimeSpan now, ulong data)
    {
        if (!_migration.OnPathResponse(data))
            return;
        _loss.SetAmplificationLimited(now, false);
        _loss.OnPathValidated(now);
        _trace?.PathChanged(now, _path.Address, validated: true);
    }

    private void HandlePathTimeout(TimeSpan now)
    {
        if (now >= _path.NextTimeout && _migration.OnTimeout(now))
            OnPathChanged(now);
    }

    private void WritePathFrames(ref FrameWriter writer, ref SentFrameList frames)
    {
        const int PathFrameLength = 9;
        if (_responsePending is { } data && writer.TryWritePathResponse(data))
        {
            _responsePending = null;
            _padDatagram = true;
            frames.Add(new SentFrame(SentFrameKind.PathResponse, 0, data));
        }
        if (writer.Remaining >= PathFrameLength && _path.TryTakeChallenge(out ulong challenge))
        {
            writer.TryWritePathChallenge(challenge);
            _padDatagram = true;
            frames.Add(new SentFrame(SentFrameKind.PathChallenge, 0, challenge));
        }
    }

    /// <summary>Answers a challenge that came from an address other than the one in use.</summary>
    private bool PollOffPath(TimeSpan now, Span<byte> buffer, out Transmit transmit)
    {
        transmit = default;
        if (_offPathResponse is not { } response || !_oneRtt.CanWrite || buffer.Length < MinInitialDatagram)
            return false;
        _offPathResponse = null;
        LevelState state = _levels[(int)EncryptionLevel.OneRtt];
        ref PendingPacket packet = ref _pending[0];
        if (response.Room < SmallestUsefulDatagram || !TryBeginPacket(buffer[..response.Room], state, ref packet))
            return false;
        var writer = new FrameWriter(PayloadRoom(buffer[..response.Room], packet));
        writer.TryWritePathResponse(response.Data);
        packet.Frames.Add(new SentFrame(SentFrameKind.PathResponse, 0, response.Data));
        packet.PayloadLength = writer.Written;
        packet.AckEliciting = true;
        int length = PadLastPacket(buffer, 1, packet.SealedLength, response.Room);
        SealPending(now, buffer[..length], 1);
        CountSent(length);
        transmit = new Transmit(response.To, length, length, Ecn.NotEct);
        return true;
    }

    /// <summary>Sends the large datagrams of <see cref="ConnectionKnobs.MtuProbes"/>, one per poll.</summary>
    private bool PollPathProbe(TimeSpan now, Span<byte> buffer, out Transmit transmit)
    {
        transmit = default;
        if (_probesSent >= _probeSizes.Count || buffer.Length < _probeSizes[_probesSent])
            return false;
        int size = _probeSizes[_probesSent++];
        ref PendingPacket packet = ref _pending[0];
        if (!TryBeginPacket(buffer[..size], _levels[(int)EncryptionLevel.OneRtt], ref packet))
            return false;
        var writer = new FrameWriter(PayloadRoom(buffer[..size], packet));
        writer.TryWritePing();
        packet.Frames.Add(new SentFrame(SentFrameKind.Ping));
        packet.PayloadLength = writer.Written;
        packet.AckEliciting = true;
        int length = PadLastPacket(buffer, 1, packet.SealedLength, size);
        SealPending(now, buffer[..length], 1);
        _path.OnDatagramSent(length);
        CountSent(length);
        transmit = new Transmit(_path.Address, length, length, Ecn.NotEct);
        return true;
    }
}
