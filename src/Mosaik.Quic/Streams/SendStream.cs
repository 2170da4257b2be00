using Mosaik.Quic.Recovery;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Streams;

/// <summary>The sending half of a stream (RFC 9000 §3.1).</summary>
internal enum SendState : byte
{
    /// <summary>Takes data and sends it ("Ready" and "Send").</summary>
    Send,

    /// <summary>The application has finished; data or FIN may still have to be sent (again).</summary>
    DataSent,

    /// <summary>Everything, FIN included, is acknowledged. Terminal.</summary>
    DataReceived,

    /// <summary>Reset; RESET_STREAM is to be sent or not yet acknowledged.</summary>
    ResetSent,

    /// <summary>RESET_STREAM is acknowledged. Terminal.</summary>
    ResetReceived,
}

/// <summary>
/// The sending half of a stream: its bytes, its credit, its FIN. <see cref="StreamSet"/> decides when it sends; this
/// type knows what it has to send.
/// </summary>
internal sealed class SendStream(ulong limit, BlockPool pool)
{
    private readonly SendBuffer _buffer = new(pool);
    private SendCredit _credit = CreateCredit(limit);
    private FinState _fin;

    private enum FinState : byte
    {
        None,
        Pending,
        InFlight,
        Acknowledged,
    }

    /// <summary>The state.</summary>
    public SendState State { get; private set; }

    /// <summary>True when nothing more will happen here.</summary>
    public bool IsTerminal => State is SendState.DataReceived or SendState.ResetReceived;

    /// <summary>The code of RESET_STREAM.</summary>
    public ulong ResetCode { get; private set; }

    /// <summary>The final size of RESET_STREAM: the credit used.</summary>
    public ulong FinalSize => _buffer.SentEnd;

    /// <summary>The limit of the peer.</summary>
    public ulong Limit => _credit.Limit;

    /// <summary>Bytes written and never sent.</summary>
    public int Unsent => _buffer.Unsent;

    /// <summary>Bytes held: written and not acknowledged.</summary>
    public int Unacknowledged => _buffer.Unacknowledged;

    /// <summary>The application waits to write more.</summary>
    public bool WantsWritable { get; set; }

    /// <summary>The application waits for all acknowledgements.</summary>
    public bool WantsAcknowledged { get; set; }

    /// <summary>True when everything written has arrived, and FIN once there is one.</summary>
    public bool IsAllAcknowledged => _buffer.Unacknowledged == 0 && _fin is FinState.None or FinState.Acknowledged;

    /// <summary>True when there is something to send that needs no credit: lost bytes, or FIN alone.</summary>
    public bool HasUrgent => State is SendState.Send or SendState.DataSent
        && (_buffer.HasLost || (_fin == FinState.Pending && _buffer.Unsent == 0));

    /// <summary>True when there are new bytes that the stream's credit lets go.</summary>
    public bool HasNew => State is SendState.Send or SendState.DataSent && _buffer.Unsent > 0 && _credit.Available > 0;

    /// <summary>True when there are new bytes and no credit of the stream.</summary>
    public bool IsBlocked => State is SendState.Send or SendState.DataSent && _buffer.Unsent > 0 && _credit.Available == 0;

    /// <summary>The memory held.</summary>
    public int MemoryHeld => _buffer.MemoryHeld;

    /// <summary>Takes over bytes.</summary>
    public void Write(ReadOnlySpan<byte> data) => _buffer.Write(data);

    /// <summary>No more bytes follow.</summary>
    public void Finish()
    {
        State = SendState.DataSent;
        _fin = FinState.Pending;
    }

    /// <summary>Drops everything and prepares RESET_STREAM; returns how many bytes were held.</summary>
    public int Reset(ulong code)
    {
        State = SendState.ResetSent;
        ResetCode = code;
        return _buffer.Clear();
    }

    /// <summary>MAX_STREAM_DATA; false when it brings nothing.</summary>
    public bool TryRaiseLimit(ulong limit) => _credit.TryRaise(limit);

    /// <summary>True once per limit at which the stream is blocked.</summary>
    public bool TryReportBlocked() => IsBlocked && _credit.TryReportBlocked();

    /// <summary>
    /// Writes one STREAM frame: lost bytes first, else new ones as far as both credits go, with FIN when it reaches the
    /// end. Returns false when there is nothing, or not enough room for it.
    /// </summary>
    /// <param name="writer">The packet.</param>
    /// <param name="id">The stream.</param>
    /// <param name="connectionCredit">New bytes that the connection may send.</param>
    /// <param name="record">What was written.</param>
    /// <param name="newBytes">How many bytes were sent for the first time.</param>
    public bool TryWriteFrame(
        ref FrameWriter writer, ulong id, ulong connectionCredit, out SentFrame record, out int newBytes)
    {
        record = default;
        newBytes = 0;
        ulong connectionLimit = connectionCredit > VarInt.MaxValue - _buffer.SentEnd
            ? VarInt.MaxValue : _buffer.SentEnd + connectionCredit;
        if (!_buffer.TryGetNext(Math.Min(_credit.Limit, connectionLimit), out ByteRange range))
        {
            if (_fin != FinState.Pending || _buffer.Unsent > 0)
                return false;
            range = new ByteRange(_buffer.WrittenEnd, _buffer.WrittenEnd);
        }
        int wanted = (int)Math.Min(range.Length, int.MaxValue);
        int length = FrameWriter.FittingData(
            writer.Remaining, FrameWriter.StreamHeaderLength(id, range.Start, 0, withLength: false), wanted);
        if (length < 0 || (length < wanted && length < StreamLimits.SmallestFragment && writer.Written > 0)
            || (length == 0 && wanted > 0))
        {
            return false;
        }
        bool fin = State == SendState.DataSent && range.Start + (ulong)length == _buffer.WrittenEnd;
        if (!writer.TryBeginStream(id, range.Start, length, fin, withLength: true, out Span<byte> data))
            return false;
        _buffer.CopyTo(range.Start, data);
        newBytes = _buffer.MarkSent(range.Start, length);
        _credit.Use(newBytes);
        if (fin && _fin == FinState.Pending)
            _fin = FinState.InFlight;
        record = new SentFrame(SentFrameKind.Stream, id, range.Start, length, fin);
        return true;
    }

    /// <summary>A STREAM frame arrived. Returns how many bytes are no longer held.</summary>
    public int OnAcknowledged(in SentFrame frame)
    {
        if (State is not (SendState.Send or SendState.DataSent))
            return 0;
        int released = _buffer.OnAcknowledged(frame.Offset, frame.Length);
        if (frame.Fin)
            _fin = FinState.Acknowledged;
        if (_fin == FinState.Acknowledged && _buffer.Unacknowledged == 0)
            State = SendState.DataReceived;
        return released;
    }

    /// <summary>A STREAM frame was lost.</summary>
    public void OnLost(in SentFrame frame)
    {
        if (State is not (SendState.Send or SendState.DataSent))
            return;
        _buffer.OnLost(frame.Offset, frame.Length);
        if (frame.Fin && _fin == FinState.InFlight)
            _fin = FinState.Pending;
    }

    /// <summary>RESET_STREAM arrived.</summary>
    public void OnResetAcknowledged()
    {
        if (State == SendState.ResetSent)
            State = SendState.ResetReceived;
    }

    /// <summary>Gives the buffers back.</summary>
    public void Release() => _buffer.Clear();

    private static SendCredit CreateCredit(ulong limit)
    {
        SendCredit credit = default;
        credit.TryRaise(limit);
        return credit;
    }
}
