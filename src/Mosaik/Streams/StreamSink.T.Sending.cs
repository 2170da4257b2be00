using System.Threading.Channels;

namespace Mosaik.Streams;

/// <content>The senders' side: accept a datum now, or wait in line (spec/streams.md §4.3).</content>
internal sealed partial class StreamSink<T>
{
    /// <summary>Rule S4: accepts the datum now or says why not; never waits.</summary>
    public SendResult TrySend(T datum, ProducerHandle handle)
    {
        if (_closed || handle.IsClosed)
            return SendResult.Closed;
        if (!_online)
            return SendResult.Offline;
        var frame = EncodeIfWanted(datum);
        PublishEffects effects = default;
        SendResult result;
        var late = false;
        lock (_lock)
        {
            result = _closed || handle.IsClosed ? SendResult.Closed
                : !_online ? SendResult.Offline
                : CanAccept ? SendResult.Accepted
                : SendResult.Full;
            if (result == SendResult.Accepted)
                late = !TryPublish(frame, ref effects);
            else if (result == SendResult.Full)
                NoteBlocked();
        }

        effects.Run();
        frame?.Release();
        if (late)
            PublishLate(datum);
        return result;
    }

    /// <summary>Rule S2: completes once the datum is accepted; earlier senders come first.</summary>
    public ValueTask SendAsync(T datum, ProducerHandle handle, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled(cancellationToken);
        var frame = EncodeIfWanted(datum);
        PublishEffects effects = default;
        PendingSend<T>? pending = null;
        var (late, closed) = (false, false);
        lock (_lock)
        {
            if (_closed || handle.IsClosed)
            {
                closed = true;
            }
            else if (_online && CanAccept)
            {
                late = !TryPublish(frame, ref effects);
            }
            else
            {
                // The line takes over the frame.
                pending = new PendingSend<T>(datum, frame, handle, _context.Scheduler);
                pending.Node = _line.AddLast(pending);
                NoteBlocked();
            }
        }

        effects.Run();
        if (pending is not null)
            return WaitInLineAsync(pending, cancellationToken);
        frame?.Release();
        if (late)
            PublishLate(datum);
        return closed ? ValueTask.FromException(new ChannelClosedException()) : ValueTask.CompletedTask;
    }

    /// <summary>Completes, in line with the other senders, when a datum would be accepted; accepts none.</summary>
    public ValueTask WaitForRoomAsync(ProducerHandle handle, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled(cancellationToken);
        PendingSend<T> pending;
        lock (_lock)
        {
            if (_closed || handle.IsClosed)
                return ValueTask.FromException(new ChannelClosedException());
            if (_online && CanAccept)
                return ValueTask.CompletedTask;
            pending = new PendingSend<T>(handle, _context.Scheduler);
            pending.Node = _line.AddLast(pending);
            NoteBlocked();
        }

        return WaitInLineAsync(pending, cancellationToken);
    }

    /// <summary>Ends the waits of a handle that was disposed.</summary>
    public void FailWaitsOf(ProducerHandle handle)
    {
        List<PendingSend<T>> ended = [];
        lock (_lock)
        {
            for (var node = _line.First; node is not null;)
            {
                var next = node.Next;
                if (node.Value.Handle == handle)
                    ended.Add(Withdraw(node.Value));
                node = next;
            }
        }

        foreach (var pending in ended)
            pending.Completion.TrySetException(new ChannelClosedException());
        ServeLine();
    }

    /// <summary>Serves as many waiting senders as there is room for, in order. Whoever makes room calls it.</summary>
    private void ServeLine()
    {
        while (true)
        {
            PublishEffects effects = default;
            PendingSend<T> pending;
            DatumFrame? frame;
            bool late;
            lock (_lock)
            {
                if (_line.First is not { } first || !_online || _serving || !_core.HasRoom)
                    return;
                pending = first.Value;
                frame = pending.Frame;
                pending.Frame = null;
                Withdraw(pending);
                late = !pending.IsProbe && !TryPublish(frame, ref effects);
            }

            effects.Run();
            frame?.Release();
            try
            {
                if (late)
                    PublishLate(pending.Datum!); // a send has its datum; only a probe has none
                pending.Completion.TrySetResult();
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                // Only the codec, user code, can fail here; its error belongs to the sender that waited.
                pending.Completion.TrySetException(error);
            }
        }
    }

    /// <summary>Nobody is before us and somebody has room. Under the lock.</summary>
    private bool CanAccept => _line.Count == 0 && !_serving && _core.HasRoom;

    /// <summary>
    /// Under the lock. Publishes, or takes the turn and returns false when a consumer has come since the look that
    /// decided not to encode; the caller then owes a <see cref="PublishLate"/>.
    /// </summary>
    private bool TryPublish(DatumFrame? frame, ref PublishEffects effects)
    {
        if (frame is null && _core.ActiveCount > 0)
        {
            _serving = true;
            return false;
        }

        if (frame is not null)
            _core.Publish(frame, ref effects);
        return true;
    }

    /// <summary>Encodes outside the lock while holding the turn, so that nobody overtakes, then publishes.</summary>
    private void PublishLate(T datum)
    {
        DatumFrame? frame = null;
        PublishEffects effects = default;
        try
        {
            frame = Encode(datum);
        }
        finally
        {
            lock (_lock)
            {
                _serving = false;
                if (frame is not null)
                    _core.Publish(frame, ref effects);
            }

            effects.Run();
            frame?.Release();
        }

        ServeLine();
    }

    private DatumFrame? EncodeIfWanted(T datum) => _core.ActiveCount > 0 ? Encode(datum) : null;

    private DatumFrame Encode(T datum)
    {
        var frame = DatumFrame.Rent();
        var done = false;
        try
        {
            _codec.Encode(datum, frame);
            if (frame.PayloadLength > _maxDatumBytes)
                throw new DatumTooLargeException(frame.PayloadLength, _maxDatumBytes);
            frame.Seal();
            done = true;
            return frame;
        }
        finally
        {
            if (!done)
                frame.Release();
        }
    }

    private async ValueTask WaitInLineAsync(PendingSend<T> pending, CancellationToken cancellationToken)
    {
        try
        {
            await pending.Completion.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            bool withdrawn;
            lock (_lock)
            {
                withdrawn = pending.Node is not null;
                if (withdrawn)
                    Withdraw(pending);
            }

            if (withdrawn)
            {
                ServeLine();
                throw;
            }

            // Served at the same moment: the datum is on its way, so the wait ends as its service did (rule S3).
            await pending.Completion.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>Under the lock: takes a sender out of the line and releases what it holds.</summary>
    private PendingSend<T> Withdraw(PendingSend<T> pending)
    {
        if (pending.Node is { } node)
            _line.Remove(node);
        pending.Node = null;
        pending.Frame?.Release();
        pending.Frame = null;
        return pending;
    }
}
