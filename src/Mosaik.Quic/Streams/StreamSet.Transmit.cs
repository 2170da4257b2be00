using Mosaik.Quic.Recovery;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Streams;

/// <content>What is sent, in which order, and what becomes of it.</content>
internal sealed partial class StreamSet
{
    private readonly LinkedList<StreamState> _control = new();
    private readonly LinkedList<StreamState> _urgent = new();
    private readonly LinkedList<StreamState> _new = new();
    private bool _maxDataLost;
    private bool _dataBlockedPending;

    // Set by whatever can make a connection-level frame due, so that packets full of data do not ask for all of them.
    private bool _connectionFramesMayBeDue = true;

    /// <summary>
    /// True exactly when <see cref="WriteFrames"/> has something to write into a packet with enough room.
    /// </summary>
    public bool HasPendingFrames => _control.Count > 0 || _urgent.Count > 0 || (_new.Count > 0 && _sendCredit.Available > 0)
        || (_connectionFramesMayBeDue && AreConnectionFramesDue());

    /// <summary>Asks each of them, and notes the answer until something changes.</summary>
    private bool AreConnectionFramesDue() => _connectionFramesMayBeDue = _dataBlockedPending || IsMaxDataDue
        || _remoteStreams[0].IsUpdateDue || _remoteStreams[1].IsUpdateDue
        || _localStreams[0].BlockedPending || _localStreams[1].BlockedPending;

    private bool IsMaxDataDue => _maxDataLost || (!WindowsFrozen && _receiveCredit.IsUpdateDue);

    /// <summary>
    /// Writes what fits: control frames, lost data, then new data of the streams in turn; records every frame.
    /// </summary>
    public void WriteFrames(ref FrameWriter writer, ref SentFrameList sent)
    {
        if (_connectionFramesMayBeDue && AreConnectionFramesDue())
            WriteConnectionFrames(ref writer, ref sent);
        while (_control.First is { } node && TryWriteControl(node.Value, ref writer, ref sent))
            Leave(node);
        while (_urgent.First is { } node && TryWriteStream(node.Value, ref writer, ref sent))
        {
        }
        while (_sendCredit.Available > 0 && _new.First is { } node && TryWriteStream(node.Value, ref writer, ref sent))
        {
        }
        ReportBlocked();
    }

    /// <summary>
    /// A frame that <see cref="WriteFrames"/> recorded was acknowledged. Kinds of other owners are ignored.
    /// </summary>
    public void OnAcknowledged(in SentFrame frame)
    {
        if (frame.Kind is not (SentFrameKind.Stream or SentFrameKind.ResetStream)
            || !TryFind(frame.Id, out StreamState? stream) || stream.Send is not { } send)
        {
            return;
        }
        if (frame.Kind == SentFrameKind.ResetStream)
        {
            send.OnResetAcknowledged();
            ClearControl(stream, StreamControl.ResetStream);
            RemoveIfTerminal(stream);
            return;
        }
        int released = send.OnAcknowledged(frame);
        _unacknowledged -= released;
        if (stream.UrgentNode.List is not null)
            Schedule(stream);   // what was lost may have arrived after all
        if (send.WantsAcknowledged && send.IsAllAcknowledged)
        {
            send.WantsAcknowledged = false;
            _events.Enqueue(new StreamEvent(StreamEventKind.AllAcknowledged, stream.Id));
        }
        if (released > 0 && _memoryWaiters.Count > 0)
            ReleaseMemoryWaiters();
        if (send.State == SendState.DataReceived)
            RemoveIfTerminal(stream);
    }

    /// <summary>
    /// A frame that <see cref="WriteFrames"/> recorded was lost, or is to be sent again by a probe. Limits are sent
    /// again only if no newer one was announced since, and always with their present value.
    /// </summary>
    public void OnLost(in SentFrame frame)
    {
        _connectionFramesMayBeDue |= frame.Kind != SentFrameKind.Stream;
        switch (frame.Kind)
        {
            case SentFrameKind.MaxData:
                _maxDataLost |= frame.Offset == _receiveCredit.Limit;
                return;
            case SentFrameKind.DataBlocked:
                _dataBlockedPending |= frame.Offset == _sendCredit.Limit && _new.Count > 0 && _sendCredit.Available == 0;
                return;
            case SentFrameKind.MaxStreams:
                _remoteStreams[frame.Id].UpdateWanted |= frame.Offset == _remoteStreams[frame.Id].Limit;
                return;
            case SentFrameKind.StreamsBlocked:
                _localStreams[frame.Id].BlockedPending |=
                    frame.Offset == _localStreams[frame.Id].Limit && _localStreams[frame.Id].IsWanted;
                return;
        }
        if (!TryFind(frame.Id, out StreamState? stream))
            return;
        switch (frame.Kind)
        {
            case SentFrameKind.Stream when stream.Send is { } send:
                send.OnLost(frame);
                Schedule(stream);
                break;
            case SentFrameKind.ResetStream when stream.Send is { State: SendState.ResetSent }:
                AddControl(stream, StreamControl.ResetStream);
                break;
            case SentFrameKind.StopSending when stream.Receive is { State: ReceiveState.Receive, IsStopped: true }:
                AddControl(stream, StreamControl.StopSending);
                break;
            case SentFrameKind.MaxStreamData when stream.Receive is { WantsCredit: true } receive
                && receive.Limit == frame.Offset:
                AddControl(stream, StreamControl.MaxStreamData);
                break;
            case SentFrameKind.StreamDataBlocked when stream.Send is { IsBlocked: true } send && send.Limit == frame.Offset:
                AddControl(stream, StreamControl.StreamDataBlocked);
                break;
        }
    }

    private void WriteConnectionFrames(ref FrameWriter writer, ref SentFrameList sent)
    {
        if (IsMaxDataDue)
        {
            ulong limit = WindowsFrozen ? _receiveCredit.Limit : _receiveCredit.NextLimit;
            if (writer.TryWriteMaxData(limit))
            {
                if (!WindowsFrozen)
                    _receiveCredit.Announce();
                _maxDataLost = false;
                sent.Add(new SentFrame(SentFrameKind.MaxData, 0, limit));
            }
        }
        if (_dataBlockedPending && writer.TryWriteDataBlocked(_sendCredit.Limit))
        {
            _dataBlockedPending = false;
            sent.Add(new SentFrame(SentFrameKind.DataBlocked, 0, _sendCredit.Limit));
        }
        for (int kind = 0; kind < 2; kind++)
        {
            bool bidirectional = kind == 0;
            RemoteStreams remote = _remoteStreams[kind];
            if (remote.IsUpdateDue && writer.TryWriteMaxStreams(bidirectional, remote.NextLimit))
            {
                remote.Announce();
                sent.Add(new SentFrame(SentFrameKind.MaxStreams, (ulong)kind, remote.Limit));
            }
            LocalStreams local = _localStreams[kind];
            if (local.BlockedPending && writer.TryWriteStreamsBlocked(bidirectional, local.Limit))
            {
                local.BlockedPending = false;
                sent.Add(new SentFrame(SentFrameKind.StreamsBlocked, (ulong)kind, local.Limit));
            }
        }
    }

    /// <summary>Writes the control frames of a stream; true when all of them are written.</summary>
    private static bool TryWriteControl(StreamState stream, ref FrameWriter writer, ref SentFrameList sent)
    {
        ulong id = stream.Id;
        if ((stream.Control & StreamControl.ResetStream) != StreamControl.None)
        {
            SendStream send = stream.Send!;   // only sending halves are reset
            if (!writer.TryWriteResetStream(id, send.ResetCode, send.FinalSize))
                return false;
            stream.Control &= ~StreamControl.ResetStream;
            sent.Add(new SentFrame(SentFrameKind.ResetStream, id, send.ResetCode));
        }
        if ((stream.Control & StreamControl.StopSending) != StreamControl.None)
        {
            ulong code = stream.Receive!.StopCode;   // only receiving halves are stopped
            if (!writer.TryWriteStopSending(id, code))
                return false;
            stream.Control &= ~StreamControl.StopSending;
            sent.Add(new SentFrame(SentFrameKind.StopSending, id, code));
        }
        if ((stream.Control & StreamControl.MaxStreamData) != StreamControl.None)
        {
            // Announcing first would raise the limit for a frame that does not fit; a varint of the largest size is
            // reserved.
            if (writer.Remaining < 1 + 2 * 8)
                return false;
            stream.Control &= ~StreamControl.MaxStreamData;
            ulong limit = stream.Receive!.AnnounceLimit();   // only receiving halves have credit to give
            writer.TryWriteMaxStreamData(id, limit);
            sent.Add(new SentFrame(SentFrameKind.MaxStreamData, id, limit));
        }
        if ((stream.Control & StreamControl.StreamDataBlocked) != StreamControl.None)
        {
            ulong limit = stream.Send!.Limit;   // only sending halves are blocked
            if (!writer.TryWriteStreamDataBlocked(id, limit))
                return false;
            stream.Control &= ~StreamControl.StreamDataBlocked;
            sent.Add(new SentFrame(SentFrameKind.StreamDataBlocked, id, limit));
        }
        return true;
    }

    /// <summary>
    /// Writes one STREAM frame and puts the stream where it now belongs; a stream with more new data goes last.
    /// </summary>
    private bool TryWriteStream(StreamState stream, ref FrameWriter writer, ref SentFrameList sent)
    {
        SendStream send = stream.Send!;   // only sending streams are in the lists
        if (!send.TryWriteFrame(ref writer, stream.Id, _sendCredit.Available, out SentFrame record, out int newBytes))
            return false;
        _sendCredit.Use(newBytes);
        sent.Add(record);
        if (newBytes > 0)
            Leave(stream.NewNode);
        Schedule(stream);
        if (newBytes > 0 && send.WantsWritable)
            RaiseWritable(stream);
        return true;
    }

    /// <summary>Makes a stream's membership in the data lists match what it has to send.</summary>
    private void Schedule(StreamState stream)
    {
        SendStream send = stream.Send!;   // only called for sending streams
        if (send.HasUrgent)
            Join(_urgent, stream.UrgentNode);
        else
            Leave(stream.UrgentNode);
        if (send.HasNew)
        {
            Join(_new, stream.NewNode);
            ReportBlocked();
        }
        else
        {
            Leave(stream.NewNode);
            if (send.TryReportBlocked())
                AddControl(stream, StreamControl.StreamDataBlocked);
        }
    }

    /// <summary>
    /// DATA_BLOCKED is due once per limit at which a stream could go on but for the connection's credit.
    /// </summary>
    private void ReportBlocked()
    {
        if (_new.Count > 0 && _sendCredit.TryReportBlocked())
            _dataBlockedPending = _connectionFramesMayBeDue = true;
    }

    private void AddControl(StreamState stream, StreamControl control)
    {
        stream.Control |= control;
        Join(_control, stream.ControlNode);
    }

    private static void ClearControl(StreamState stream, StreamControl control)
    {
        stream.Control &= ~control;
        if (stream.Control == StreamControl.None)
            Leave(stream.ControlNode);
    }

    private static void Join(LinkedList<StreamState> list, LinkedListNode<StreamState> node)
    {
        if (node.List is null)
            list.AddLast(node);
    }

    private static void Leave(LinkedListNode<StreamState> node) => node.List?.Remove(node);
}
