using System.Net;
using Mosaik.Quic.Connection;
using Mosaik.Quic.Streams;
using Mosaik.Waiting;

namespace Mosaik.Quic.Driver;

/// <summary>
/// One connection as the driver sees it: which handles wait for what. Everything but the published values belongs to the
/// owner of the turn.
/// </summary>
internal sealed class ConnectionDriver
{
    /// <summary>The round-trip time is published at most this often (spec/performance.md §4.9).</summary>
    private static readonly TimeSpan RttSamplingInterval = TimeSpan.FromMilliseconds(250);

    private static long LastId;

    private readonly Dictionary<ulong, StreamDriver> _streams = [];
    private readonly LinkedList<StreamDriver> _streamsByAge = new();
    private readonly AcceptLine _bidirectional = new();
    private readonly AcceptLine _unidirectional = new();
    private readonly WaitingLine<QuicStream> _openBidirectional = new();
    private readonly WaitingLine<QuicStream> _openUnidirectional = new();
    private readonly WaitingLine<bool> _closing = new();
    private readonly Completion<QuicCloseInfo> _closed;
    private TimeSpan _nextRttSample;
    private long _smoothedRttTicks;
    private IPEndPoint _remote;

    public ConnectionDriver(QuicEndpointDriver driver, QuicConnectionCore core)
    {
        Driver = driver;
        Core = core;
        Id = Interlocked.Increment(ref LastId);
        _closed = new Completion<QuicCloseInfo>(driver.Scheduler);
        _remote = core.Path.Remote;
        Connection = new QuicConnection(this);
    }

    public QuicEndpointDriver Driver { get; }

    public QuicConnectionCore Core { get; }

    public QuicConnection Connection { get; }

    public long Id { get; }

    public bool IsClient => Core.IsClient;

    public ReadOnlyMemory<byte> PeerKey { get; private set; }

    public string Alpn { get; private set; } = "";

    public IPEndPoint RemoteEndPoint => Volatile.Read(ref _remote);

    public TimeSpan SmoothedRtt => TimeSpan.FromTicks(Volatile.Read(ref _smoothedRttTicks));

    public QuicCloseInfo? CloseInfo => _closed.TryGetResult(out var info) ? info : null;

    /// <summary>What every operation throws once the connection has ended.</summary>
    public QuicException? ClosedError { get; private set; }

    /// <summary>Its place among the connections of the endpoint.</summary>
    public LinkedListNode<ConnectionDriver>? Place { get; set; }

    /// <summary>The dial that waits for the handshake.</summary>
    public ConnectOperation? Connecting { get; set; }

    /// <summary>True once the handshake was complete.</summary>
    public bool IsConnected { get; private set; }

    public ValueTask<QuicCloseInfo> WaitClosedAsync(CancellationToken cancellationToken) =>
        _closed.WaitAsync(cancellationToken);

    public ValueTask<QuicStream> OpenStreamAsync(QuicStreamDirection direction, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<QuicStream>(cancellationToken);
        return Driver.Start(new OpenOperation(this, direction), cancellationToken);
    }

    public ValueTask<QuicStream> AcceptStreamAsync(QuicStreamDirection direction, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<QuicStream>(cancellationToken);
        return Driver.Start(new AcceptOperation(this, direction), cancellationToken);
    }

    public ValueTask CloseAsync(ulong code, string reason)
    {
        CheckClose(code, reason);
        return Driver.StartUntyped(new CloseOperation(this, code, reason), CancellationToken.None);
    }

    public void Abort(ulong code, string reason)
    {
        CheckClose(code, reason);
        Driver.Run(
            static state => state.Self.Core.Close(state.Self.Driver.Now, state.Code, state.Reason),
            (Self: this, Code: code, Reason: reason));
    }

    public void ExportKeyingMaterial(ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> output)
    {
        if (label.Length is 0 or > 249)
            throw new ArgumentException("A label has 1 to 249 bytes.", nameof(label));
        bool exported;
        Driver.Enter();
        try
        {
            exported = Core.ExportKeyingMaterial(label, context, output);
        }
        finally
        {
            Driver.Leave();
        }
        if (!exported)
            throw new ArgumentException("A secret of this length cannot be exported.", nameof(output));
    }

    /// <summary>Ends the operations that waited for what has happened.</summary>
    public void OnEvent(in ConnectionEvent e)
    {
        switch (e.Kind)
        {
            case ConnectionEventKind.Connected:
                OnConnected();
                break;
            case ConnectionEventKind.Stream:
                OnStreamEvent(e.Stream);
                break;
            case ConnectionEventKind.Closed:
                OnClosed();
                break;
            case ConnectionEventKind.Drained:
                Driver.OnDrained(this);
                break;
        }
    }

    /// <summary>Publishes what handles show without entering a turn.</summary>
    public void Publish(TimeSpan now)
    {
        var remote = Core.Path.Remote;
        if (!ReferenceEquals(_remote, remote))
            Volatile.Write(ref _remote, remote);
        if (now < _nextRttSample)
            return;
        _nextRttSample = now + RttSamplingInterval;
        Volatile.Write(ref _smoothedRttTicks, Core.SmoothedRtt.Ticks);
    }

    /// <summary>The close packet has been handed to the network.</summary>
    public void OnCloseSent()
    {
        while (_closing.TryTake(out var operation))
            operation.End(true);
    }

    /// <summary>The endpoint has gone: ends without a word.</summary>
    public void OnEndpointGone(QuicException error)
    {
        if (ClosedError is null)
            End(Core.CloseInfo ?? new QuicCloseInfo(QuicCloseKind.Application, IsRemote: false, 0, ""), error);
        OnCloseSent();
    }

    private void OnConnected()
    {
        IsConnected = true;
        // A copy: the core may let go of its own.
        PeerKey = Core.PeerPublicKey.ToArray();
        Alpn = Core.Alpn;
        Volatile.Write(ref _smoothedRttTicks, Core.SmoothedRtt.Ticks);
        Driver.OnConnected(this);
        if (Connecting is not { } operation)
            return;
        Connecting = null;
        operation.End(Connection);
    }

    private void OnClosed()
    {
        // The core has it before it raises the event.
        var info = Core.CloseInfo!;
        End(info, new QuicException(QuicErrorKind.ConnectionClosed, $"The connection was {info}.", info));
        Driver.OnClosed(this, info);
    }

    private void End(QuicCloseInfo info, QuicException error)
    {
        ClosedError = error;
        // First: whoever sees an operation fail also sees why.
        _closed.TrySetResult(info);
        if (Connecting is { } operation)
        {
            Connecting = null;
            operation.EndWith(error.Kind == QuicErrorKind.EndpointClosed
                ? error
                : new QuicException(QuicErrorKind.ConnectFailed, $"The connection could not be established: {info}.", info));
        }

        for (var node = _streamsByAge.First; node is not null; node = node.Next)
            node.Value.OnConnectionClosed();
        _bidirectional.Waiting.EndAllWith(error);
        _unidirectional.Waiting.EndAllWith(error);
        _openBidirectional.EndAllWith(error);
        _openUnidirectional.EndAllWith(error);
    }

    private void OnStreamEvent(in StreamEvent e)
    {
        if (e.Kind == StreamEventKind.Opened)
        {
            OnOpened(e.Id.Value);
            return;
        }
        if (e.Kind == StreamEventKind.StreamsAvailable)
        {
            OpenWaiting((e.Id.Value & 2) == 0);
            return;
        }
        if (!_streams.TryGetValue(e.Id.Value, out var stream))
            return;
        switch (e.Kind)
        {
            case StreamEventKind.Readable:
                stream.OnReadable();
                break;
            case StreamEventKind.Writable:
                stream.OnWritable();
                break;
            case StreamEventKind.AllAcknowledged:
                stream.OnAllAcknowledged();
                break;
            case StreamEventKind.SendStopped:
                stream.OnSendStopped(e.Code);
                break;
            case StreamEventKind.ResetReceived:
                stream.OnReset(e.Code);
                break;
            case StreamEventKind.Finished:
                stream.OnFinished();
                Forget(stream);
                break;
        }
    }

    private void OnOpened(ulong id)
    {
        var stream = Add(id, isLocal: false);
        var line = stream.IsBidirectional ? _bidirectional : _unidirectional;
        if (line.Waiting.TryTake(out var operation))
            operation.End(stream.Stream);
        else
            line.Ready.AddLast(stream);
    }

    private void OpenWaiting(bool bidirectional)
    {
        var line = bidirectional ? _openBidirectional : _openUnidirectional;
        while (!line.IsEmpty && Core.TryOpenStream(bidirectional, out var id) && line.TryTake(out var operation))
            operation.End(Add(id.Value, isLocal: true).Stream);
    }

    private StreamDriver Add(ulong id, bool isLocal)
    {
        var stream = new StreamDriver(this, id, isLocal);
        stream.PlaceByAge = _streamsByAge.AddLast(stream);
        _streams.Add(id, stream);
        return stream;
    }

    private void Forget(StreamDriver stream)
    {
        _streams.Remove(stream.Id);
        _streamsByAge.Remove(stream.PlaceByAge!); // set when it was added
        // Nobody will see a stream that ended before it was accepted: it has been reset, and holding it would let a peer
        // pile them up.
        if (!stream.IsLocal)
            (stream.IsBidirectional ? _bidirectional : _unidirectional).Ready.Remove(stream);
    }

    private static void CheckClose(ulong code, string reason)
    {
        ArgumentNullException.ThrowIfNull(reason);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(code, (1UL << 62) - 1);
    }

    /// <summary>Streams of one direction that the peer opened, and who waits for them. One of the two is empty.</summary>
    private sealed class AcceptLine
    {
        public LinkedList<StreamDriver> Ready { get; } = new();

        public WaitingLine<QuicStream> Waiting { get; } = new();
    }

    private sealed class OpenOperation(ConnectionDriver connection, QuicStreamDirection direction)
        : DriverOperation<QuicStream>(connection.Driver)
    {
        private bool IsBidirectional => direction == QuicStreamDirection.Bidirectional;

        private WaitingLine<QuicStream> Line =>
            IsBidirectional ? connection._openBidirectional : connection._openUnidirectional;

        protected override void Attempt()
        {
            if (connection.ClosedError is { } error)
                EndWith(error);
            else if (Line.IsEmpty && connection.Core.TryOpenStream(IsBidirectional, out var id))
                End(connection.Add(id.Value, isLocal: true).Stream);
            else
                Line.Add(this);
        }

        protected override void Withdraw() => Line.Remove(this);
    }

    private sealed class AcceptOperation(ConnectionDriver connection, QuicStreamDirection direction)
        : DriverOperation<QuicStream>(connection.Driver)
    {
        private AcceptLine Line =>
            direction == QuicStreamDirection.Bidirectional ? connection._bidirectional : connection._unidirectional;

        protected override void Attempt()
        {
            if (Line.Ready.First is { } first)
            {
                Line.Ready.RemoveFirst();
                End(first.Value.Stream);
            }
            else if (connection.ClosedError is { } error)
            {
                EndWith(error);
            }
            else
            {
                Line.Waiting.Add(this);
            }
        }

        protected override void Withdraw() => Line.Waiting.Remove(this);
    }

    private sealed class CloseOperation(ConnectionDriver connection, ulong code, string reason)
        : DriverOperation<bool>(connection.Driver)
    {
        protected override void Attempt()
        {
            if (connection.ClosedError is not null)
            {
                End(true);
                return;
            }
            connection._closing.Add(this);
            connection.Core.Close(Driver.Now, code, reason);
            Driver.TransmitClose(connection);
        }

        protected override void Withdraw() => connection._closing.Remove(this);
    }
}
