using Mosaik.Quic.Connection;

namespace Mosaik.Quic.Driver;

/// <summary>
/// One stream as the driver sees it: the operation that reads, the one that writes, and how each direction ended.
/// </summary>
/// <remarks>
/// The handle calls the public methods from any thread; everything else belongs to the owner of the turn. An operation
/// that can end at once inside the caller's own turn does so without touching its operation object. Bytes go directly
/// between the caller's memory and the core, also when another thread executes the operation.
/// </remarks>
internal sealed class StreamDriver
{
    private readonly ConnectionDriver _connection;
    private readonly QuicEndpointDriver _driver;
    private ReadOperation? _read;
    private WriteOperation? _write;
    private WaitingLine<bool>? _acknowledgements;
    private QuicException? _readError;
    private QuicException? _writeError;
    private bool _readEnded;
    private bool _readConsumed;
    private bool _writesCompleted;
    private bool _finished;
    private int _reading;
    private int _writing;

    public StreamDriver(ConnectionDriver connection, ulong id, bool isLocal)
    {
        _connection = connection;
        _driver = connection.Driver;
        Id = id;
        IsLocal = isLocal;
        Stream = new QuicStream(this);
    }

    public ulong Id { get; }

    public bool IsLocal { get; }

    public bool IsBidirectional => (Id & 2) == 0;

    public bool CanRead => IsBidirectional || !IsLocal;

    public bool CanWrite => IsBidirectional || IsLocal;

    public QuicStream Stream { get; }

    /// <summary>Its place among the streams of the connection, oldest first.</summary>
    public LinkedListNode<StreamDriver>? PlaceByAge { get; set; }

    private QuicConnectionCore Core => _connection.Core;

    /// <summary>See <see cref="QuicStream.ReadAsync"/>.</summary>
    public ValueTask<int> ReadAsync(Memory<byte> destination, CancellationToken cancellationToken)
    {
        if (!CanRead)
            throw new InvalidOperationException("A unidirectional stream of ours cannot be read.");
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<int>(cancellationToken);
        if (destination.IsEmpty)
            return new ValueTask<int>(0);
        if (Interlocked.Exchange(ref _reading, 1) != 0)
            throw new InvalidOperationException("Another read of this stream is under way.");

        var operation = _read;
        if (_driver.TryEnter())
        {
            var isTurnComing = _driver.IsTurnComing;
            int read;
            QuicException? error;
            try
            {
                if (TryRead(destination.Span, out read, out error))
                {
                    Volatile.Write(ref _reading, 0);
                }
                else
                {
                    operation ??= _read = new ReadOperation(this);
                    operation.Arm(destination, cancellationToken);
                    operation.BeginWaiting();
                    read = -1;
                }
            }
            finally
            {
                _driver.LeaveRead(isTurnComing);
            }

            if (error is not null)
                return ValueTask.FromException<int>(error);
            if (read >= 0)
                return new ValueTask<int>(read);
        }
        else
        {
            operation ??= _read = new ReadOperation(this);
            operation.Arm(destination, cancellationToken);
            _driver.Post(operation);
        }

        // Made by one of the branches above; the value was fetched before, as the operation may end at any moment.
        var task = operation!.Task;
        operation.WatchToken();
        return task;
    }

    /// <summary>See <see cref="QuicStream.WriteAsync(ReadOnlyMemory{byte}, bool, CancellationToken)"/>.</summary>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> data, bool complete, CancellationToken cancellationToken)
    {
        if (!CanWrite)
            throw new InvalidOperationException("A unidirectional stream of the peer cannot be written.");
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled(cancellationToken);
        if (Interlocked.Exchange(ref _writing, 1) != 0)
            throw new InvalidOperationException("Another write of this stream is under way.");

        var operation = _write;
        var length = data.Length;
        if (_driver.TryEnterToWrite(length))
        {
            bool done;
            QuicException? error;
            try
            {
                done = TryWrite(ref data, complete, out error);
                if (done)
                {
                    Volatile.Write(ref _writing, 0);
                }
                else
                {
                    operation ??= _write = new WriteOperation(this);
                    operation.Arm(data, complete, cancellationToken);
                    operation.BeginWaiting();
                }
            }
            finally
            {
                _driver.LeaveWritten(length);
            }

            if (done)
                return error is null ? ValueTask.CompletedTask : ValueTask.FromException(error);
        }
        else
        {
            operation ??= _write = new WriteOperation(this);
            operation.Arm(data, complete, cancellationToken);
            _driver.Post(operation);
        }

        // Made by one of the branches above.
        var task = operation!.UntypedTask;
        operation.WatchToken();
        return task;
    }

    /// <summary>See <see cref="QuicStream.CompleteWrites"/>.</summary>
    public void CompleteWrites()
    {
        RequireWritable();
        if (Volatile.Read(ref _writing) != 0)
            throw new InvalidOperationException("A write of this stream is under way.");
        _driver.Run(static stream => stream.Finish(), this);
    }

    /// <summary>See <see cref="QuicStream.Reset"/>.</summary>
    public void Reset(ulong code)
    {
        RequireWritable();
        CheckCode(code);
        _driver.Run(static state => state.Stream.EndWriting(state.Code), (Stream: this, Code: code));
    }

    /// <summary>See <see cref="QuicStream.StopSending"/>.</summary>
    public void StopSending(ulong code)
    {
        if (!CanRead)
            throw new InvalidOperationException("A unidirectional stream of ours cannot be read.");
        CheckCode(code);
        _driver.Run(static state => state.Stream.EndReading(state.Code), (Stream: this, Code: code));
    }

    /// <summary>See <see cref="QuicStream.WaitAllAcknowledgedAsync"/>.</summary>
    public ValueTask WaitAllAcknowledgedAsync(CancellationToken cancellationToken)
    {
        RequireWritable();
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled(cancellationToken);
        var operation = new AcknowledgementOperation(this) { Token = cancellationToken };
        _driver.Post(operation);
        var task = operation.UntypedTask;
        operation.WatchToken();
        return task;
    }

    /// <summary>Data or the end can be read.</summary>
    public void OnReadable()
    {
        if (_read is { IsWaiting: true } operation)
            operation.Continue();
    }

    /// <summary>A write can go on.</summary>
    public void OnWritable()
    {
        if (_write is { IsWaiting: true } operation)
            operation.Continue();
    }

    /// <summary>The peer reset its direction.</summary>
    public void OnReset(ulong code)
    {
        if (_readEnded)
            return;
        _readError ??= new QuicException(QuicErrorKind.StreamReset, $"The peer reset stream {Id} with code {code}.", code);
        OnReadable();
    }

    /// <summary>The peer no longer reads.</summary>
    public void OnSendStopped(ulong code)
    {
        _writeError ??= new QuicException(
            QuicErrorKind.StreamStopped, $"The peer stopped reading stream {Id} with code {code}.", code);
        OnWritable();
        _acknowledgements?.EndAllWith(_writeError);
    }

    /// <summary>Everything written is acknowledged.</summary>
    public void OnAllAcknowledged()
    {
        while (_acknowledgements is not null && _acknowledgements.TryTake(out var operation))
            operation.End(true);
    }

    /// <summary>Both directions are done: the core no longer knows the stream.</summary>
    public void OnFinished()
    {
        _finished = true;
        OnReadable();
        OnWritable();
        OnAllAcknowledged();
    }

    /// <summary>The connection has ended: whatever waits can wait no longer.</summary>
    public void OnConnectionClosed()
    {
        OnReadable();
        OnWritable();
        // Set when this is called.
        _acknowledgements?.EndAllWith(_connection.ClosedError!);
    }

    /// <summary>True when the read has ended, in one way or another.</summary>
    private bool TryRead(Span<byte> destination, out int read, out QuicException? error)
    {
        (read, error) = (0, null);
        if (_readEnded)
            return true;
        if (!_readConsumed)
        {
            // Also after a reset: the core counts the stream as consumed only when it has told so (E13).
            read = Core.Read(Id, destination, out _readEnded);
            if (read > 0 || _readEnded)
                return true;
            if (read == 0 && _connection.ClosedError is null)
                return false;
            _readConsumed = read < 0;
            read = 0;
        }
        // Without a reason yet the event that tells it is on its way.
        error = _readError ?? _connection.ClosedError ?? (_finished ? Ended() : null);
        return error is not null;
    }

    /// <summary>True when the write has ended; otherwise <paramref name="data"/> is what is left.</summary>
    private bool TryWrite(ref ReadOnlyMemory<byte> data, bool complete, out QuicException? error)
    {
        error = _writeError ?? _connection.ClosedError;
        if (error is not null)
            return true;
        if (_writesCompleted)
        {
            error = Ended();
            return true;
        }

        while (!data.IsEmpty)
        {
            var accepted = Core.Write(Id, data.Span);
            if (accepted < 0)
            {
                // Stopped by the peer, or the connection has ended: the event that tells it is on its way.
                error = _finished ? Ended() : null;
                return error is not null;
            }
            if (accepted < data.Length)
            {
                data = data[accepted..];
                return false;
            }
            data = default;
        }

        if (complete)
            Finish();
        return true;
    }

    private void Finish()
    {
        if (_writesCompleted || _writeError is not null || _connection.ClosedError is not null)
            return;
        _writesCompleted = true;
        Core.Finish(Id);
    }

    private void EndWriting(ulong code)
    {
        if (_finished || _writeError is not null || _connection.ClosedError is not null)
            return;
        _writesCompleted = true;
        _writeError = new QuicException(QuicErrorKind.StreamEnded, $"Stream {Id} was reset with code {code}.");
        Core.Reset(Id, code);
        OnWritable();
        _acknowledgements?.EndAllWith(_writeError);
    }

    private void EndReading(ulong code)
    {
        if (_finished || _readEnded || _readError is not null || _connection.ClosedError is not null)
            return;
        _readError = Ended();
        _readConsumed = true;
        Core.StopSending(Id, code);
        OnReadable();
    }

    private QuicException Ended() => new(QuicErrorKind.StreamEnded, $"This direction of stream {Id} has ended.");

    private void RequireWritable()
    {
        if (!CanWrite)
            throw new InvalidOperationException("A unidirectional stream of the peer cannot be written.");
    }

    private static void CheckCode(ulong code) => ArgumentOutOfRangeException.ThrowIfGreaterThan(code, (1UL << 62) - 1);

    /// <summary>The one read under way.</summary>
    private sealed class ReadOperation(StreamDriver stream) : DriverOperation<int>(stream._driver)
    {
        private Memory<byte> _destination;

        public void Arm(Memory<byte> destination, CancellationToken cancellationToken)
        {
            _destination = destination;
            Token = cancellationToken;
        }

        public void Continue() => Attempt();

        protected override void Attempt()
        {
            if (!stream.TryRead(_destination.Span, out var read, out var error))
                return;
            if (error is null)
                EndReceived(read);
            else
                EndWith(error);
        }

        protected override void Withdraw()
        {
        }

        protected override void OnReleased()
        {
            _destination = default;
            Volatile.Write(ref stream._reading, 0);
        }
    }

    /// <summary>The one write under way.</summary>
    private sealed class WriteOperation(StreamDriver stream) : DriverOperation<bool>(stream._driver)
    {
        private ReadOnlyMemory<byte> _data;
        private bool _complete;

        public void Arm(ReadOnlyMemory<byte> data, bool complete, CancellationToken cancellationToken)
        {
            _data = data;
            _complete = complete;
            Token = cancellationToken;
        }

        public void Continue() => Attempt();

        protected override void Attempt()
        {
            if (!stream.TryWrite(ref _data, _complete, out var error))
                return;
            if (error is null)
                End(true);
            else
                EndWith(error);
        }

        protected override void Withdraw()
        {
        }

        protected override void OnReleased()
        {
            _data = default;
            Volatile.Write(ref stream._writing, 0);
        }
    }

    /// <summary>A wait for acknowledgements.</summary>
    private sealed class AcknowledgementOperation(StreamDriver stream) : DriverOperation<bool>(stream._driver)
    {
        protected override void Attempt()
        {
            if (stream._writeError is { } error)
                EndWith(error);
            else if (stream._finished)
                End(true);
            else if (stream._connection.ClosedError is { } closed)
                EndWith(closed);
            else if (stream.Core.NotifyWhenAcknowledged(stream.Id))
                End(true);
            else
                (stream._acknowledgements ??= new WaitingLine<bool>()).Add(this);
        }

        protected override void Withdraw() => stream._acknowledgements?.Remove(this);
    }
}
