using System.Buffers;
using Mosaik.Discovery;
using Mosaik.Groups.Raft;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Groups.Bonds;

// Reading, writing, and the heartbeat.
internal sealed partial class BondConnection
{
    /// <summary>Nobody waits for a bond that has ended.</summary>
    private async Task WatchAsync()
    {
        await _link.Connection.WaitClosedAsync().ConfigureAwait(false);
        _inbox.Complete();
        _room.Set();
        _queue.Close();
        _work.Set();
    }

    private async ValueTask ReadAsync()
    {
        while (true)
        {
            var payload = await _link.Receiver.ReceiveAsync(CancellationToken.None).ConfigureAwait(false);
            var delivered = false;
            do
            {
                _context.Metrics.Received(payload.Length);
                if (!TryHandle(payload, out var message))
                    throw _link.Receiver.Undecodable(new DecodeError("not a message of a bond", 0));
                if (message is not { } raft)
                    continue;
                delivered = true;
                var waiting = Interlocked.Add(ref _inboxBytes, raft.Bytes.Length);
                if (!_inbox.TryPost(raft))
                {
                    _owner.OnMessage();
                    if (!await _inbox.PostAsync(raft).ConfigureAwait(false))
                        return;
                }

                if (waiting > InboxBytes)
                    await WaitForRoomAsync().ConfigureAwait(false);
            }
            while (_link.Receiver.TryReceive(out payload));
            if (delivered)
                _owner.OnMessage();
        }
    }

    private async ValueTask WaitForRoomAsync()
    {
        _owner.OnMessage();
        while (Volatile.Read(ref _inboxBytes) > InboxBytes && _link.Connection.CloseInfo is null)
            await _room.WaitAsync().ConfigureAwait(false);
    }

    /// <summary>Handles a message; false when it is none.</summary>
    private bool TryHandle(ReadOnlyMemory<byte> payload, out InboundMessage? message)
    {
        message = null;
        if (payload.IsEmpty)
            return false;
        switch (payload.Span[0])
        {
            case BondMessage.Ping:
                if (_queue.IsEmpty)
                    Send(BondMessage.PongFrame, FrameKind.Message);
                return true;
            case BondMessage.Pong:
                return true;
            case BondMessage.Departure:
                HasDeparted = true;
                Close(CloseCode.Cancelled);
                return true;
            case BondMessage.PeerEntryUpdate or BondMessage.BondFormed:
                if (!ParsedPeerEntry.TryRead(payload[1..], out var entry))
                    return false;
                _owner.OnEntry(this, entry.Bytes.ToArray(), payload.Span[0] == BondMessage.PeerEntryUpdate);
                return true;
            case BondMessage.Raft:
                message = InboundMessage.Copy(payload.Span[1..]);
                return true;
            default:
                return false;
        }
    }

    private async Task WriteAsync()
    {
        var batch = new List<SharedFrame>();
        try
        {
            while (_link.Connection.CloseInfo is null)
            {
                var length = _queue.Take(batch, MaxBatchBytes);
                if (batch.Count > 0)
                {
                    await WriteBatchAsync(batch, length).ConfigureAwait(false);
                    continue;
                }

                if (Volatile.Read(ref _isLeaving))
                {
                    await _link.WaitAllAcknowledgedAsync().ConfigureAwait(false);
                    _flushed.TrySetResult();
                }

                await _work.WaitAsync().ConfigureAwait(false);
            }
        }
        catch (Exception error) when (error is MosaikException or OperationCanceledException)
        {
            // The link has ended; the reader hears of it too.
        }
        catch (Exception error)
        {
            GroupsLog.BondFailed(_context.Logger, error, _context.GroupId, PeerId);
            Close(CloseCode.Cancelled);
        }
    }

    private async ValueTask WriteBatchAsync(List<SharedFrame> batch, int length)
    {
        byte[]? gather = null;
        try
        {
            ReadOnlyMemory<byte> bytes;
            if (batch.Count == 1)
            {
                bytes = batch[0].Bytes;
            }
            else
            {
                gather = ArrayPool<byte>.Shared.Rent(length);
                var at = 0;
                foreach (var frame in batch)
                {
                    frame.Bytes.CopyTo(gather.AsMemory(at));
                    at += frame.Bytes.Length;
                }

                bytes = gather.AsMemory(0, length);
            }

            await _link.Sender.SendFramedAsync(bytes, batch.Count, CancellationToken.None).ConfigureAwait(false);
            _context.Metrics.Sent(batch.Count, length - (batch.Count * SharedFrame.HeaderLength));
        }
        finally
        {
            if (gather is not null)
                ArrayPool<byte>.Shared.Return(gather);
            foreach (var frame in batch)
                frame.Release();
            batch.Clear();
        }
    }

    /// <summary>Runs on the timer; quick.</summary>
    private void OnTick()
    {
        var action = HeartbeatCore.Action.None;
        lock (_heartbeatLock)
        {
            if (_hasEnded)
                return;
            var now = _context.Now;
            var lastReceipt = _context.Node.TimeOf(Math.Max(LastReadAt, _formedAt));
            while (_heartbeat.NextTick <= now && action != HeartbeatCore.Action.GiveUp)
                action = _heartbeat.Tick(now, lastReceipt, _queue.IsEmpty);
            var due = TimeSpan.FromMilliseconds(Math.Ceiling((_heartbeat.NextTick - now).TotalMilliseconds));
            _heartbeatTimer.Change(due, Timeout.InfiniteTimeSpan);
        }

        if (action == HeartbeatCore.Action.Ping)
            Send(BondMessage.PingFrame, FrameKind.Message);
        else if (action == HeartbeatCore.Action.GiveUp)
            Close(CloseCode.Timeout);
    }
}
