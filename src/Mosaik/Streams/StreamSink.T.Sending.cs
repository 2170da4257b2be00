using Mosaik.Primitives;

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
                late = !TryPublish(datum, frame, ref effects);
            else if (result == SendResult.Full)
                NoteBlocked();
        }

        Run(ref effects, datum, inPerson: true);
        frame?.Release();
        return !late || PublishLate(datum) ? result : SendResult.Closed;
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
                late = !TryPublish(datum, frame, ref effects);
            }
            else
            {
                // The line takes over the frame.
                pending = new PendingSend<T>(datum, frame, handle, _context.Scheduler);
                pending.Node = _line.AddLast(pending);
                NoteBlocked();
            }
        }

        Run(ref effects, datum, inPerson: true);
        if (pending is not null)
            return WaitInLineAsync(pending, cancellationToken);
        frame?.Release();
        closed |= late && !PublishLate(datum);
        return closed ? ValueTask.FromException(ClosedException()) : ValueTask.CompletedTask;
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
                return ValueTask.FromException(ClosedException());
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
            pending.Completion.TrySetException(ClosedException());
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
                {
                    // Those who go on waiting keep the stall clock running: the room that was made may have stopped it.
                    if (_line.Count > 0 && _online && !_serving)
                        NoteBlocked();
                    return;
                }

                pending = first.Value;
                frame = pending.Frame;
                pending.Frame = null;
                Withdraw(pending);
                late = !pending.IsProbe && !TryPublish(pending.Datum!, frame, ref effects); // only a probe has no datum
            }

            // The sender first: what the effects make room for comes after it.
            var error = late ? TryPublishLate(pending.Datum!) : null; // a send has its datum; only a probe has none
            if (error is null)
                pending.Completion.TrySetResult();
            else
                pending.Completion.TrySetException(error);
            Run(ref effects, pending.Datum!); // undelivered is what was published, so there is one
            frame?.Release();
        }
    }

    /// <summary>Nobody is before us and somebody has room. Under the lock.</summary>
    private bool CanAccept => _line.Count == 0 && !_serving && _core.HasRoom;

    /// <summary>
    /// Under the lock. Publishes, or takes the turn and returns false when a consumer has come since the look that
    /// decided not to encode; the caller then owes a <see cref="PublishLate"/>.
    /// </summary>
    private bool TryPublish(T datum, DatumFrame? frame, ref PublishEffects effects)
    {
        if (frame is null && _core.ActiveCount > 0)
        {
            _serving = true;
            return false;
        }

        if (frame is null)
            effects.IsUndelivered = true; // nobody is subscribed
        else
            Publish(datum, frame, ref effects);
        return true;
    }

    /// <summary>Under the lock.</summary>
    private void Publish(T datum, DatumFrame frame, ref PublishEffects effects)
    {
        effects.IsUndelivered = _core.Publish(frame, _criteria.Evaluate(datum), ref effects) == 0;
        if (effects.Skipped > 0)
            foreach (var subscription in _subscriptions)
                subscription.ShowDropped();
    }

    /// <summary>
    /// Encodes and publishes for a sender that did not wait; false when the stream was closed meanwhile.
    /// </summary>
    private bool PublishLate(T datum)
    {
        try
        {
            return EncodeAndPublish(datum);
        }
        finally
        {
            ServeLine(); // those who came while the turn was taken
        }
    }

    /// <summary>
    /// The same for a sender that waited in line: the codec, user code, may fail; its error is the sender's.
    /// </summary>
    private Exception? TryPublishLate(T datum)
    {
        try
        {
            return EncodeAndPublish(datum) ? null : ClosedException();
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            return error;
        }
    }

    /// <summary>Encodes outside the lock while holding the turn, so that nobody overtakes, then publishes.</summary>
    private bool EncodeAndPublish(T datum)
    {
        DatumFrame? frame = null;
        PublishEffects effects = default;
        bool open;
        try
        {
            frame = Encode(datum);
        }
        finally
        {
            lock (_lock)
            {
                _serving = false;
                open = !_closed;
                if (frame is not null && open)
                    Publish(datum, frame, ref effects);
            }

            Run(ref effects, datum);
            frame?.Release();
        }

        return open;
    }

    /// <summary>Outside the lock: what a publish asks for.</summary>
    private void Run(ref PublishEffects effects, T datum, bool inPerson = false)
    {
        effects.Run(inPerson);
        if (effects.Skipped > 0)
            _context.Metrics.Dropped(Labels, effects.Skipped);
        if (effects.IsUndelivered)
            Undelivered(datum);
    }

    /// <summary>Nobody wanted the datum (spec/streams.md §10).</summary>
    private void Undelivered(T datum)
    {
        _context.Metrics.Undelivered(Labels);
        if (_options.UndeliveredSink is not { } sink)
            return;
        try
        {
            if (!sink.TryWrite(datum) && _undeliveredLog.TryPass("full", out var suppressed))
                StreamsLog.UndeliveredDiscarded(_context.Logger, StreamId, suppressed);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            // User code: the datum was accepted, so the sender has nothing to do with it.
            if (_undeliveredLog.TryPass("failed", out _))
                StreamsLog.UndeliveredFailed(_context.Logger, StreamId, error);
        }
    }

    private DatumFrame? EncodeIfWanted(T datum) => _core.ActiveCount > 0 ? Encode(datum) : null;

    private DatumFrame Encode(T datum)
    {
        var frame = _context.Frames.Rent();
        var done = false;
        try
        {
            EncodePayload(datum, frame);
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

    private void EncodePayload(T datum, DatumFrame frame)
    {
        try
        {
            _codec.Encode(datum, frame);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            throw new DatumEncodingException(datum, error);
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
