namespace Mosaik.Quic.Streams;

/// <content>Frames of the peer.</content>
internal sealed partial class StreamSet
{
    /// <summary>STREAM.</summary>
    public QuicError? OnStream(ulong id, ulong offset, ReadOnlySpan<byte> data, bool fin)
    {
        if (FindForFrame(id, isForReceivingHalf: true, out StreamState? stream) is { } error)
            return error;
        if (stream?.Receive is not { } receive)
            return null;
        // Data that nobody wants any more returns its credit at once.
        _connectionFramesMayBeDue |= !receive.WantsCredit || fin;
        if (receive.OnStream(offset, data, fin, ref _receiveCredit, out bool progress) is { } violation)
            return violation;
        if (progress && !receive.ReadableRaised)
        {
            receive.ReadableRaised = true;
            _events.Enqueue(new StreamEvent(StreamEventKind.Readable, stream.Id));
        }
        if (fin)
        {
            ClearControl(stream, StreamControl.MaxStreamData | StreamControl.StopSending);
            RemoveIfTerminal(stream);
        }
        return null;
    }

    /// <summary>RESET_STREAM.</summary>
    public QuicError? OnResetStream(ulong id, ulong code, ulong finalSize)
    {
        if (FindForFrame(id, isForReceivingHalf: true, out StreamState? stream) is { } error)
            return error;
        if (stream?.Receive is not { } receive)
            return null;
        if (receive.OnReset(finalSize, ref _receiveCredit, out bool aborted) is { } violation)
            return violation;
        if (!aborted)
            return null;
        if (!IsLocal(stream.Id) && receive.BytesRead == 0)
            EarlyResets++;
        receive.Drop(ref _receiveCredit);
        _connectionFramesMayBeDue = true;
        ClearControl(stream, StreamControl.MaxStreamData | StreamControl.StopSending);
        if (receive.State == ReceiveState.ResetReceived)
            _events.Enqueue(new StreamEvent(StreamEventKind.ResetReceived, stream.Id, code));
        RemoveIfTerminal(stream);
        return null;
    }

    /// <summary>STOP_SENDING: answered with RESET_STREAM and the same code (RFC 9000 §3.5).</summary>
    public QuicError? OnStopSending(ulong id, ulong code)
    {
        if (FindForFrame(id, isForReceivingHalf: false, out StreamState? stream) is { } error)
            return error;
        if (stream?.Send is not { State: SendState.Send or SendState.DataSent } send)
            return null;
        _events.Enqueue(new StreamEvent(StreamEventKind.SendStopped, stream.Id, code));
        Reset(stream, send, code);
        return null;
    }

    /// <summary>MAX_DATA.</summary>
    public QuicError? OnMaxData(ulong limit)
    {
        if (_sendCredit.TryRaise(limit))
            _dataBlockedPending = false;
        return null;
    }

    /// <summary>MAX_STREAM_DATA.</summary>
    public QuicError? OnMaxStreamData(ulong id, ulong limit)
    {
        if (FindForFrame(id, isForReceivingHalf: false, out StreamState? stream) is { } error)
            return error;
        if (stream?.Send is { } send && send.TryRaiseLimit(limit))
        {
            ClearControl(stream, StreamControl.StreamDataBlocked);
            Schedule(stream);
        }
        return null;
    }

    /// <summary>MAX_STREAMS.</summary>
    public QuicError? OnMaxStreams(bool bidirectional, ulong limit)
    {
        if (limit > Wire.FrameReader.MaxStreamCount)
            return QuicError.FrameEncodingError;
        if (_localStreams[KindIndex(bidirectional)].Raise(limit))
            RaiseStreamsAvailable(bidirectional);
        return null;
    }

    /// <summary>DATA_BLOCKED: counted; credit follows the application's reading.</summary>
    public QuicError? OnDataBlocked(ulong limit)
    {
        if (limit == _receiveCredit.Limit)
            TimesPeerWasBlocked++;
        return null;
    }

    /// <summary>STREAM_DATA_BLOCKED: opens the stream, nothing more.</summary>
    public QuicError? OnStreamDataBlocked(ulong id, ulong limit) => FindForFrame(id, isForReceivingHalf: true, out _);

    /// <summary>STREAMS_BLOCKED: an update that is possible is sent at once.</summary>
    public QuicError? OnStreamsBlocked(bool bidirectional, ulong limit)
    {
        if (limit > Wire.FrameReader.MaxStreamCount)
            return QuicError.FrameEncodingError;
        RemoteStreams kind = _remoteStreams[KindIndex(bidirectional)];
        if (kind.NextLimit > kind.Limit)
        {
            kind.UpdateWanted = true;
            _connectionFramesMayBeDue = true;
        }
        return null;
    }
}
