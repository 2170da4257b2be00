namespace Mosaik.Quic.Streams;

/// <summary>The receiving half of a stream (RFC 9000 §3.2).</summary>
internal enum ReceiveState : byte
{
    /// <summary>Data arrives, the final size is not known.</summary>
    Receive,

    /// <summary>The final size is known; some data may be missing or unread.</summary>
    SizeKnown,

    /// <summary>
    /// The application has read everything, or wants nothing more and the final size is known. Terminal.
    /// </summary>
    DataRead,

    /// <summary>The peer reset the stream; the application has not been told yet.</summary>
    ResetReceived,

    /// <summary>The application knows of the reset. Terminal.</summary>
    ResetRead,
}

/// <summary>
/// The receiving half of a stream: bytes in order, credit, final size. Every way to learn the final size counts it
/// against both windows once, whatever arrives afterwards (RFC 9000 §4.5).
/// </summary>
internal sealed class ReceiveStream(ulong window, BlockPool pool)
{
    private readonly Reassembler _reassembler = new(pool);
    private ReceiveCredit _credit = new(Math.Min(window, StreamLimits.LargestWindow));
    private ulong _finalSize;

    /// <summary>The state.</summary>
    public ReceiveState State { get; private set; }

    /// <summary>True when nothing more will happen here.</summary>
    public bool IsTerminal => State is ReceiveState.DataRead or ReceiveState.ResetRead;

    /// <summary>The application asked the peer to stop; what arrives is dropped.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>The code of STOP_SENDING.</summary>
    public ulong StopCode { get; private set; }

    /// <summary>A Readable event was raised and not everything readable was read since.</summary>
    public bool ReadableRaised { get; set; }

    /// <summary>The limit last announced.</summary>
    public ulong Limit => _credit.Limit;

    /// <summary>Bytes the application has read.</summary>
    public ulong BytesRead => _credit.Consumed;

    /// <summary>True when a MAX_STREAM_DATA frame is due.</summary>
    public bool IsUpdateDue => State == ReceiveState.Receive && !IsStopped && _credit.IsUpdateDue;

    /// <summary>True when credit still matters to the peer.</summary>
    public bool WantsCredit => State == ReceiveState.Receive && !IsStopped;

    /// <summary>True when bytes or the end can be read.</summary>
    public bool IsReadable => _reassembler.Readable > 0
        || (State == ReceiveState.SizeKnown && _reassembler.ReadOffset == _finalSize);

    /// <summary>All memory held.</summary>
    public int MemoryHeld => _reassembler.MemoryHeld;

    /// <summary>STREAM frame. Both credits are charged for what is new.</summary>
    /// <param name="offset">Where the data belongs.</param>
    /// <param name="data">The data.</param>
    /// <param name="fin">The stream ends behind the data.</param>
    /// <param name="connection">The credit of the connection.</param>
    /// <param name="progress">True when more can be read than before.</param>
    public QuicError? OnStream(
        ulong offset, ReadOnlySpan<byte> data, bool fin, ref ReceiveCredit connection, out bool progress)
    {
        progress = false;
        ulong end = offset + (ulong)data.Length;
        if (CheckSize(end, isFinal: fin, ref connection) is { } error)
            return error;
        if (State == ReceiveState.SizeKnown && IsStopped)
            State = ReceiveState.DataRead;
        if (IsStopped || State is not (ReceiveState.Receive or ReceiveState.SizeKnown))
        {
            Drop(ref connection);
            return null;
        }
        bool wasReadable = IsReadable && !fin;
        ulong readyEnd = _reassembler.ReadyEnd;
        if (!_reassembler.TryInsert(offset, data))
            return QuicError.ProtocolViolation;   // too many disjoint ranges (E8)
        progress = _reassembler.ReadyEnd > readyEnd || (!wasReadable && IsReadable);
        return null;
    }

    /// <summary>RESET_STREAM.</summary>
    /// <param name="finalSize">The final size.</param>
    /// <param name="connection">The credit of the connection.</param>
    /// <param name="aborted">True when the stream ends here; false when all data had arrived before.</param>
    public QuicError? OnReset(ulong finalSize, ref ReceiveCredit connection, out bool aborted)
    {
        aborted = false;
        bool complete = State == ReceiveState.SizeKnown && _reassembler.ReadyEnd == _finalSize;
        if (CheckSize(finalSize, isFinal: true, ref connection) is { } error)
            return error;
        if (complete || State is not (ReceiveState.Receive or ReceiveState.SizeKnown))
            return null;
        State = IsStopped ? ReceiveState.ResetRead : ReceiveState.ResetReceived;
        aborted = true;
        return null;
    }

    /// <summary>Reads bytes and returns credit; <paramref name="fin"/> at the end.</summary>
    public int Read(Span<byte> destination, ref ReceiveCredit connection, out bool fin)
    {
        int count = _reassembler.Read(destination);
        _credit.Consume((ulong)count);
        connection.Consume((ulong)count);
        fin = State == ReceiveState.SizeKnown && _reassembler.ReadOffset == _finalSize;
        if (fin)
            State = ReceiveState.DataRead;
        if (_reassembler.Readable == 0)
            ReadableRaised = false;
        return count;
    }

    /// <summary>The application has been told that the peer reset the stream.</summary>
    public void AcceptReset() => State = ReceiveState.ResetRead;

    /// <summary>
    /// The application wants nothing more; what is buffered is dropped and its credit returned. True when the peer has
    /// to be asked to stop, false when the half is done anyway.
    /// </summary>
    public bool Stop(ulong code, ref ReceiveCredit connection)
    {
        IsStopped = true;
        StopCode = code;
        State = State switch
        {
            ReceiveState.SizeKnown => ReceiveState.DataRead,
            ReceiveState.ResetReceived => ReceiveState.ResetRead,
            _ => State,
        };
        Drop(ref connection);
        return State == ReceiveState.Receive;
    }

    /// <summary>Announces a new limit and returns it.</summary>
    public ulong AnnounceLimit() => _credit.Announce();

    /// <summary>Gives back buffers, and the connection's credit for everything received and not read.</summary>
    public void Drop(ref ReceiveCredit connection)
    {
        ulong unread = _credit.Received - _credit.Consumed;
        _credit.Consume(unread);
        connection.Consume(unread);
        _reassembler.Clear();
    }

    /// <summary>Checks an end of data against final size and windows, and notes it.</summary>
    private QuicError? CheckSize(ulong end, bool isFinal, ref ReceiveCredit connection)
    {
        bool known = State != ReceiveState.Receive;
        if (known ? end > _finalSize || (isFinal && end != _finalSize) : isFinal && end < _credit.Received)
            return QuicError.FinalSizeError;
        if (end > _credit.Received)
        {
            ulong growth = end - _credit.Received;
            if (!_credit.TryReceive(growth) || !connection.TryReceive(growth))
                return QuicError.FlowControlError;
        }
        if (isFinal && !known)
        {
            _finalSize = end;
            State = ReceiveState.SizeKnown;
        }
        return null;
    }
}
