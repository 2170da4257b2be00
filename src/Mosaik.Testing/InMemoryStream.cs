using System.Runtime.CompilerServices;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Waiting;

namespace Mosaik.Testing;

/// <summary>One end of a stream in memory: what is written here travels to <see cref="Other"/>.</summary>
/// <remarks>
/// Both ends exist from the beginning; the far one is shown to its connection when the first message has arrived. A piece
/// is entered into the far end's list when it is sent and marked when it arrives, so pieces that overtake others wait.
/// Everything is under the network's lock.
/// </remarks>
internal sealed class InMemoryStream : ITransportStream
{
    private const int SendBuffer = 256 * 1024;

    private readonly InMemoryTransportNetwork _network;
    private readonly InMemoryConnection _connection;
    private readonly Signal _readable;
    private readonly Signal _writable;
    private readonly List<(long Target, Completion Done)> _acknowledgements = [];

    // Sending: bytes not yet under way, then counters of what is.
    private readonly Queue<byte[]> _unsent = new();
    private int _unsentOffset;
    private long _unsentBytes;
    private long _written;
    private long _acknowledged;
    private long _credit;
    private bool _finWritten;
    private bool _finSent;
    private bool _finAcknowledged;
    private bool _sendEnded;
    private TransportException? _sendError;

    // Receiving.
    private readonly Queue<Piece> _pieces = new();
    private int _headOffset;
    private int _consumed;
    private bool _announced;
    private bool _finRead;
    private bool _receiveEnded;
    private TransportException? _receiveError;

    internal InMemoryStream(
        InMemoryTransportNetwork network,
        InMemoryConnection connection,
        long id,
        TransportStreamDirection direction,
        bool isLocal)
    {
        _network = network;
        _connection = connection;
        Id = id;
        Direction = direction;
        IsLocal = isLocal;
        var scheduler = connection.Transport.Options.Scheduler;
        _readable = new Signal(scheduler);
        _writable = new Signal(scheduler);
        _credit = network.StreamWindow;
        _announced = isLocal;
        _sendEnded = !isLocal && direction == TransportStreamDirection.Unidirectional;
        _receiveEnded = isLocal && direction == TransportStreamDirection.Unidirectional;
    }

    public long Id { get; }

    public TransportStreamDirection Direction { get; }

    internal bool IsLocal { get; }

    /// <summary>The end at the other node.</summary>
    internal InMemoryStream Other { get; set; } = null!; // set by the connection right after both ends are made

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))] // awaited once, at every message
    public async ValueTask<int> ReadAsync(Memory<byte> destination, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        while (true)
        {
            lock (_network.Lock)
            {
                if (TryRead(destination.Span, out var read))
                    return read;
            }

            await _readable.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    public async ValueTask WriteAsync(
        ReadOnlyMemory<byte> data, bool completeWrites = false, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_network.Lock)
        {
            ThrowIfNotWritable();
            if (!data.IsEmpty)
            {
                _unsent.Enqueue(data.ToArray());
                _unsentBytes += data.Length;
                _written += data.Length;
            }

            _finWritten |= completeWrites;
            Pump();
        }

        while (true)
        {
            lock (_network.Lock)
            {
                if (_connection.CloseInfo is not null)
                    throw _connection.Closed();
                if (_sendError is not null)
                    throw _sendError;
                if (_unsentBytes <= SendBuffer)
                    return;
            }

            await _writable.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    public void CompleteWrites()
    {
        lock (_network.Lock)
        {
            if (_sendEnded || _finWritten || _sendError is not null || _connection.CloseInfo is not null)
                return;
            _finWritten = true;
            Pump();
        }
    }

    public void Reset(CloseCode code)
    {
        lock (_network.Lock)
        {
            if (_sendEnded || _sendError is not null || _connection.CloseInfo is not null)
                return;
            FailSending(new TransportException(TransportErrorKind.StreamEnded, "This end has reset the stream."));
            _network.Deliver(_connection, () => Other.OnReset(code));
        }
    }

    public void StopSending(CloseCode code)
    {
        lock (_network.Lock)
        {
            if (_receiveEnded || _receiveError is not null || _connection.CloseInfo is not null)
                return;
            _receiveError = new TransportException(TransportErrorKind.StreamEnded, "This end no longer reads.");
            _readable.Set();
            _network.Deliver(_connection, () => Other.OnStopped(code));
            EndReceiving();
        }
    }

    public async ValueTask WaitAllAcknowledgedAsync(CancellationToken cancellationToken = default)
    {
        Completion done;
        lock (_network.Lock)
        {
            if (_connection.CloseInfo is not null)
                throw _connection.Closed();
            if (_sendError is not null)
                throw _sendError;
            if (_acknowledged >= _written)
                return;
            done = new Completion(_connection.Transport.Options.Scheduler);
            _acknowledgements.Add((_written, done));
        }

        await done.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    internal void OnConnectionEnded()
    {
        FailAcknowledgements(_connection.Closed());
        _unsent.Clear();
        _readable.Set();
        _writable.Set();
    }

    private bool TryRead(Span<byte> destination, out int read)
    {
        read = 0;
        if (_receiveError is not null)
            throw _receiveError;
        while (!_finRead && read < destination.Length && _pieces.TryPeek(out var piece) && piece.HasArrived)
        {
            var part = piece.Data.Span[_headOffset..];
            var count = Math.Min(part.Length, destination.Length - read);
            part[..count].CopyTo(destination[read..]);
            read += count;
            _headOffset += count;
            if (_headOffset < piece.Data.Length)
                break;
            _headOffset = 0;
            _pieces.Dequeue();
            _finRead = piece.Fin;
        }

        if (read > 0)
        {
            GiveCredit(read);
            return true;
        }

        if (_finRead)
        {
            EndReceiving();
            return true;
        }

        if (_connection.CloseInfo is not null)
            throw _connection.Closed();
        return false;
    }

    /// <summary>Credit is given in portions of half a window, as receivers of QUIC do: a message each would double the traffic.</summary>
    private void GiveCredit(int consumed)
    {
        _consumed += consumed;
        if (_consumed < _network.StreamWindow / 2 || _connection.CloseInfo is not null)
            return;
        var credit = _consumed;
        _consumed = 0;
        _network.Deliver(_connection, () => Other.OnCredit(credit));
    }

    /// <summary>Sends what the window allows, in pieces.</summary>
    private void Pump()
    {
        while (_unsent.TryPeek(out var head) && _credit > 0 && _sendError is null)
        {
            var count = (int)Math.Min(Math.Min(head.Length - _unsentOffset, _network.MaxChunkBytes), _credit);
            var data = head.AsMemory(_unsentOffset, count);
            _unsentOffset += count;
            if (_unsentOffset == head.Length)
            {
                _unsent.Dequeue();
                _unsentOffset = 0;
            }

            _unsentBytes -= count;
            _credit -= count;
            _finSent = _finWritten && _unsent.Count == 0;
            Send(new Piece(this, data, _finSent));
        }

        if (_finWritten && !_finSent && _unsent.Count == 0 && _sendError is null)
        {
            _finSent = true;
            Send(new Piece(this, default, true));
        }

        if (_unsentBytes <= SendBuffer)
            _writable.Set();
    }

    private void Send(Piece piece)
    {
        Other._pieces.Enqueue(piece);
        _network.Deliver(piece);
    }

    private void OnArrived(Piece piece)
    {
        if (_connection.CloseInfo is not null)
        {
            _connection.AnswerWithReset();
            return;
        }

        Announce();
        _readable.Set();
        piece.GoBack(_connection);
        _network.Deliver(piece);
    }

    private void OnAcknowledged(Piece piece)
    {
        _acknowledged += piece.Data.Length;
        if (_acknowledgements.Count > 0)
            EndWaits();
        // Acknowledgements overtake each other: that of the end may come before others, which are still waited for.
        _finAcknowledged |= piece.Fin;
        if (_finAcknowledged && _acknowledged >= _written)
            EndSending();
    }

    private void EndWaits()
    {
        foreach (var (target, done) in _acknowledgements)
        {
            if (_acknowledged >= target)
                done.TrySetResult();
        }

        _acknowledgements.RemoveAll(a => _acknowledged >= a.Target);
    }

    private void OnCredit(int consumed)
    {
        if (_connection.CloseInfo is not null)
            return;
        _credit += consumed;
        Pump();
    }

    private void OnReset(CloseCode code)
    {
        if (_connection.CloseInfo is not null || _receiveEnded)
            return;
        Announce();
        _receiveError ??= new TransportException(
            TransportErrorKind.StreamReset, $"The peer reset the stream with {code}.")
        { StreamCode = code };
        _readable.Set();
        EndReceiving();
    }

    private void OnStopped(CloseCode code)
    {
        if (_connection.CloseInfo is not null || _sendEnded)
            return;
        FailSending(new TransportException(
            TransportErrorKind.StreamStopped, $"The peer stopped reading with {code}.")
        { StreamCode = code });
    }

    private void Announce()
    {
        if (_announced)
            return;
        _announced = true;
        _connection.Announce(this);
    }

    private void FailSending(TransportException error)
    {
        _sendError = error;
        _unsent.Clear();
        _unsentBytes = 0;
        FailAcknowledgements(error);
        _writable.Set();
        EndSending();
    }

    private void FailAcknowledgements(Exception error)
    {
        foreach (var (_, done) in _acknowledgements)
            done.TrySetException(error);
        _acknowledgements.Clear();
    }

    private void EndSending()
    {
        if (_sendEnded)
            return;
        _sendEnded = true;
        if (_receiveEnded)
            _connection.OnStreamEnded(this);
    }

    private void EndReceiving()
    {
        if (_receiveEnded)
            return;
        _receiveEnded = true;
        _pieces.Clear();
        if (_sendEnded)
            _connection.OnStreamEnded(this);
    }

    private void ThrowIfNotWritable()
    {
        if (_connection.CloseInfo is not null)
            throw _connection.Closed();
        if (_sendError is not null)
            throw _sendError;
        if (_finWritten || _sendEnded)
            throw new TransportException(TransportErrorKind.StreamEnded, "This end has finished the stream.");
    }

    /// <summary>Bytes that travel together, and then the word that they have arrived.</summary>
    private sealed class Piece(InMemoryStream sender, ReadOnlyMemory<byte> data, bool fin)
        : Delivery(sender._connection, data.Length)
    {
        public ReadOnlyMemory<byte> Data { get; } = data;

        public bool Fin { get; } = fin;

        /// <summary>Whether the receiver has it, so that what is under way is the acknowledgement.</summary>
        public bool HasArrived { get; private set; }

        public void GoBack(InMemoryConnection receiver)
        {
            HasArrived = true;
            Owner = receiver;
            Bytes = 0;
        }

        public override void Arrive()
        {
            if (HasArrived)
                sender.OnAcknowledged(this);
            else
                sender.Other.OnArrived(this);
        }
    }
}
