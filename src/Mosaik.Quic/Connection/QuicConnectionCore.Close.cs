using System.Text;
using System.Text.Unicode;
using Mosaik.Quic.Paths;
using Mosaik.Quic.Tls;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Connection;

// The ends of a connection (RFC 9000 §10, spec/quic.md §19).
internal sealed partial class QuicConnectionCore
{
    /// <summary>A reason phrase longer than this is cut; it always fits a datagram.</summary>
    private const int MaxReasonLength = 512;

    private byte[] _closeReason = [];
    private ulong _closeFrameType;
    private bool _closeFramePending;
    private TimeSpan? _closeDeadline;
    private ulong _datagramsWhileClosing;
    private ulong _nextCloseAnswer = 1;

    /// <summary>How the connection ended; null while it lives.</summary>
    public QuicCloseInfo? CloseInfo { get; private set; }

    /// <summary>
    /// Closes with an application code. Nothing sent before is flushed; data received before stays readable. Without
    /// effect
    /// when the connection has ended already.
    /// </summary>
    public void Close(TimeSpan now, ulong code, string reason)
    {
        ArgumentNullException.ThrowIfNull(reason);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(code, VarInt.MaxValue);
        BeginClosing(now, new QuicCloseInfo(QuicCloseKind.Application, IsRemote: false, code, reason), 0);
    }

    /// <summary>Ends the connection without telling the peer; the endpoint forgets it at once.</summary>
    public void Abort(TimeSpan now)
    {
        if (State == ConnectionState.Drained)
            return;
        End(new QuicCloseInfo(QuicCloseKind.Application, IsRemote: false, 0, ""));
        SetState(now, ConnectionState.Drained);
        ReleaseAll();
        _owner.OnWork(this);
    }

    /// <summary>
    /// Takes back a server connection whose first datagram proved to be garbage: no event, no trace of it.
    /// </summary>
    public void Discard(TimeSpan now)
    {
        _events.Clear();
        SetState(now, ConnectionState.Drained);
        Dispose();
    }

    /// <summary>Closes with a transport error of ours.</summary>
    private void CloseWithError(TimeSpan now, QuicError error, ulong frameType, string reason) =>
        BeginClosing(now, new QuicCloseInfo(QuicCloseKind.Transport, IsRemote: false, (ulong)error, reason), frameType);

    private void BeginClosing(TimeSpan now, QuicCloseInfo info, ulong frameType)
    {
        if (State is not (ConnectionState.Handshaking or ConnectionState.Open))
            return;
        _closeReason = CutReason(info.Reason);
        _closeFrameType = frameType;
        _closeFramePending = true;
        End(info);
        _closeDeadline = now + ThreeProbeTimeouts;
        SetState(now, ConnectionState.Closing);
        _owner.OnWork(this);
    }

    /// <summary>The peer closed, or has forgotten us: nothing is sent any more (RFC 9000 §10.2.2).</summary>
    private void EnterDraining(TimeSpan now, QuicCloseInfo info)
    {
        if (State is ConnectionState.Draining or ConnectionState.Drained)
            return;
        End(info);
        _closeFramePending = false;
        _closeDeadline ??= now + ThreeProbeTimeouts;
        SetState(now, ConnectionState.Draining);
        _owner.OnWork(this);
    }

    /// <summary>The end without a word in either direction: timeouts.</summary>
    private void EndSilently(TimeSpan now, QuicCloseKind kind)
    {
        End(new QuicCloseInfo(kind, IsRemote: false, 0, ""));
        SetState(now, ConnectionState.Drained);
        ReleaseAll();
        _owner.OnWork(this);
    }

    private void End(QuicCloseInfo info)
    {
        if (CloseInfo is not null)
            return;
        CloseInfo = info;
        _handshakeDeadline = null;
        _earlyPackets.Clear();
        // What streams have to say about data received before comes first (spec/quic.md §15).
        CollectStreamEvents();
        RaiseEvent(new ConnectionEvent(ConnectionEventKind.Closed));
    }

    /// <summary>The endpoint has dropped every trace of the connection.</summary>
    public void OnForgotten()
    {
        RaiseEvent(new ConnectionEvent(ConnectionEventKind.Drained));
        _owner.OnWork(this);
    }

    private void OnClosePeriodOver(TimeSpan now)
    {
        SetState(now, ConnectionState.Drained);
        ReleaseAll();
        _owner.OnWork(this);
    }

    /// <summary>
    /// While closing, packets are answered with the close again, ever more rarely (RFC 9000 §10.2.1).
    /// </summary>
    private void OnDatagramWhileClosing(TimeSpan now, in PathAddress path, ReadOnlySpan<byte> datagram)
    {
        if (path == _path.Address)
            _path.OnDatagramReceived(datagram.Length);
        _datagramsWhileClosing++;
        if (_datagramsWhileClosing < _nextCloseAnswer)
            return;
        _nextCloseAnswer *= 2;
        _closeFramePending = true;
    }

    /// <summary>CONNECTION_CLOSE of the peer.</summary>
    private void OnConnectionClose(TimeSpan now, in Frame frame)
    {
        QuicCloseKind kind = frame.Type == FrameType.ApplicationClose
            ? QuicCloseKind.Application
            : QuicCloseKind.Transport;
        string reason = Encoding.UTF8.GetString(frame.Data);
        EnterDraining(now, new QuicCloseInfo(kind, IsRemote: true, frame.ErrorCode, reason));
    }

    /// <summary>
    /// One datagram with the close at every level whose keys the peer may have (RFC 9000 §10.2.3). Before the handshake
    /// is
    /// complete an application close becomes APPLICATION_ERROR without words, since the peer is not authenticated yet.
    /// </summary>
    private bool PollClose(TimeSpan now, Span<byte> buffer, out Transmit transmit)
    {
        transmit = default;
        if (!_closeFramePending)
            return false;
        _closeFramePending = false;
        int room = (int)Math.Min(Math.Min(_path.MaxDatagramSize, buffer.Length), _path.SendAllowance);
        Span<byte> datagram = buffer[..room];
        int count = 0;
        bool hasInitial = false;
        int length = 0;
        foreach (LevelState state in _levels)
        {
            if (!CanSeal(state) || (state.Level == EncryptionLevel.OneRtt && !IsHandshakeComplete))
                continue;
            ref PendingPacket packet = ref _pending[count];
            if (!TryBeginPacket(datagram[length..], state, ref packet))
                break;
            var writer = new FrameWriter(PayloadRoom(datagram[length..], packet));
            if (state.Space.Acks.HasUnreported)
                WriteAckFrame(now, state, ref writer, ref packet);
            if (!WriteCloseFrame(state.Level, ref writer))
            {
                packet.Frames.Release();
                break;
            }
            packet.PayloadLength = writer.Written;
            hasInitial |= state.Level == EncryptionLevel.Initial;
            packet.Start = length;
            length += packet.SealedLength;
            count++;
        }
        if (count == 0)
            return false;
        if (hasInitial && _isClient)
            length = PadLastPacket(datagram, count, length, MinInitialDatagram);
        SealPending(now, datagram, count);
        _path.OnDatagramSent(length);
        CountSent(length);
        transmit = new Transmit(_path.Address, length, length, Ecn.NotEct);
        return true;
    }

    private bool WriteCloseFrame(EncryptionLevel level, ref FrameWriter writer)
    {
        // BeginClosing sets CloseInfo before a close can be pending.
        QuicCloseInfo info = CloseInfo!;
        if (info.Kind != QuicCloseKind.Application)
            return writer.TryWriteConnectionClose(info.Code, _closeFrameType, _closeReason);
        return level == EncryptionLevel.OneRtt
            ? writer.TryWriteApplicationClose(info.Code, _closeReason)
            : writer.TryWriteConnectionClose((ulong)QuicError.ApplicationError, 0, default);
    }

    private static byte[] CutReason(string reason)
    {
        Span<byte> utf8 = stackalloc byte[MaxReasonLength];
        // Cuts at a whole character.
        _ = Utf8.FromUtf16(reason, utf8, out _, out int written);
        return utf8[..written].ToArray();
    }

    private void ReleaseAll()
    {
        foreach (LevelState state in _levels)
        {
            state.IsDiscarded = true;
            state.ReleaseKeys();
            state.Space.Sent.Clear();
        }
        _oneRtt.Dispose();
        UnregisterPeerToken();
        _closeDeadline = null;
    }
}
