namespace Mosaik.Quic.Streams;

/// <content>Operations of the application.</content>
internal sealed partial class StreamSet
{
    private readonly LinkedList<StreamState> _memoryWaiters = new();

    /// <summary>
    /// Takes over a copy of bytes to send and returns how many; fewer than given means that a Writable event follows.
    /// −1: the stream takes no data any more (finished, reset, stopped by the peer, or forgotten).
    /// </summary>
    public int Write(ulong id, ReadOnlySpan<byte> data)
    {
        if (!TryFind(id, out StreamState? stream) || stream.Send is not { State: SendState.Send } send)
            return -1;
        int memory = Math.Max(0, _unacknowledgedLimit - _unacknowledged);
        int accepted = Math.Min(Math.Min(data.Length, memory), Math.Max(0, _unsentLimit - send.Unsent));
        if (accepted > 0)
        {
            send.Write(data[..accepted]);
            _unacknowledged += accepted;
            Schedule(stream);
        }
        if (accepted < data.Length)
        {
            send.WantsWritable = true;
            RaiseWritable(stream);
        }
        return accepted;
    }

    /// <summary>Ends the sending half with FIN behind what was written.</summary>
    public void Finish(ulong id)
    {
        if (!TryFind(id, out StreamState? stream) || stream.Send is not { State: SendState.Send } send)
            return;
        send.Finish();
        StopWaitingToWrite(stream, send);
        Schedule(stream);
    }

    /// <summary>Ends the sending half at once with RESET_STREAM; data not yet acknowledged is dropped.</summary>
    public void Reset(ulong id, ulong code)
    {
        if (TryFind(id, out StreamState? stream) && stream.Send is { State: SendState.Send or SendState.DataSent } send)
            Reset(stream, send, code);
    }

    /// <summary>
    /// Asks the peer to stop sending; what was buffered and what still arrives is dropped. Counts as having consumed
    /// the receiving half.
    /// </summary>
    public void StopSending(ulong id, ulong code)
    {
        if (!TryFind(id, out StreamState? stream) || stream.Receive is not { IsStopped: false, IsTerminal: false } receive)
            return;
        ClearControl(stream, StreamControl.MaxStreamData);
        _connectionFramesMayBeDue = true;
        if (receive.Stop(code, ref _receiveCredit))
            AddControl(stream, StreamControl.StopSending);
        RemoveIfTerminal(stream);
    }

    /// <summary>
    /// Reads available bytes and returns credit for them. 0 with <paramref name="fin"/>: the end; 0 without: nothing
    /// yet, a Readable event follows; −1: reset by the peer, stopped by us, already read to the end, or forgotten.
    /// </summary>
    public int Read(ulong id, Span<byte> destination, out bool fin)
    {
        fin = false;
        if (!TryFind(id, out StreamState? stream) || stream.Receive is not { IsStopped: false, IsTerminal: false } receive)
            return -1;
        if (receive.State == ReceiveState.ResetReceived)
        {
            receive.AcceptReset();
            RemoveIfTerminal(stream);
            return -1;
        }
        int count = receive.Read(destination, ref _receiveCredit, out fin);
        _connectionFramesMayBeDue |= count > 0;
        if (receive.IsUpdateDue)
            AddControl(stream, StreamControl.MaxStreamData);
        if (fin)
        {
            ClearControl(stream, StreamControl.MaxStreamData);
            RemoveIfTerminal(stream);
        }
        return count;
    }

    /// <summary>
    /// True when everything written to the stream is acknowledged (FIN too, once finished), or the stream is forgotten;
    /// else an AllAcknowledged event follows, unless the stream is reset.
    /// </summary>
    public bool NotifyWhenAcknowledged(ulong id)
    {
        if (!TryFind(id, out StreamState? stream) || stream.Send is not { } send || send.IsAllAcknowledged)
            return true;
        send.WantsAcknowledged = true;
        return false;
    }

    private void Reset(StreamState stream, SendStream send, ulong code)
    {
        _unacknowledged -= send.Reset(code);
        StopWaitingToWrite(stream, send);
        send.WantsAcknowledged = false;
        ClearControl(stream, StreamControl.StreamDataBlocked);
        AddControl(stream, StreamControl.ResetStream);
        Schedule(stream);
        ReleaseMemoryWaiters();
    }

    private static void StopWaitingToWrite(StreamState stream, SendStream send)
    {
        send.WantsWritable = false;
        Leave(stream.MemoryNode);
    }

    /// <summary>Tells a waiting writer to go on, or lets it wait for memory of the connection.</summary>
    private void RaiseWritable(StreamState stream)
    {
        SendStream send = stream.Send!;   // only sending streams have writers
        if (!send.WantsWritable || send.Unsent > _unsentLimit / 2)
            return;
        if (_unacknowledged > _unacknowledgedResume)
        {
            Join(_memoryWaiters, stream.MemoryNode);
            return;
        }
        send.WantsWritable = false;
        Leave(stream.MemoryNode);
        _events.Enqueue(new StreamEvent(StreamEventKind.Writable, stream.Id));
    }

    /// <summary>
    /// Wakes all writers that wait for memory once there is some. All, because one that does not write after all would
    /// otherwise keep the others asleep for ever.
    /// </summary>
    private void ReleaseMemoryWaiters()
    {
        while (_unacknowledged <= _unacknowledgedResume && _memoryWaiters.First is { } node)
        {
            _memoryWaiters.Remove(node);
            RaiseWritable(node.Value);
        }
    }
}
