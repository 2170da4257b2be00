using Mosaik.Networking.Transport;
using Mosaik.Primitives;

namespace Mosaik.Networking;

/// <summary>
/// What both halves of a link share: the connection, who may end it, and how its end is told (spec/wire.md §6.4, §6.5).
/// </summary>
internal sealed class LinkState
{
    private static readonly TimeSpan RttInterval = TimeSpan.FromMilliseconds(250);

    private readonly Lock _lock = new();
    private CancellationToken _owner;
    private CancellationTokenRegistration _ownerRegistration;
    private CloseCode? _closedWith;
    private bool _ownerCancelled;
    private long _rttSampledAt;

    /// <summary>Binds the state to a connection and its one stream.</summary>
    public LinkState(
        LinkContext context,
        WireProtocol protocol,
        ITransportConnection connection,
        ITransportStream stream,
        CancellationToken owner)
    {
        Context = context;
        Protocol = protocol;
        Connection = connection;
        Stream = stream;
        ViolationCode = protocol.ViolationCode;
        ReplaceOwner(owner);
    }

    public LinkContext Context { get; }

    public WireProtocol Protocol { get; }

    public ITransportConnection Connection { get; }

    public ITransportStream Stream { get; }

    public PeerId RemoteId => Connection.RemoteId;

    /// <summary>Closes the link when the peer breaks the framing or sends what cannot be decoded.</summary>
    public CloseCode ViolationCode { get; set; }

    /// <summary>Whether the owner's token has ended the link.</summary>
    public bool IsCancelled => Volatile.Read(ref _ownerCancelled);

    /// <summary>The code this end has closed with.</summary>
    public CloseCode? ClosedWith
    {
        get
        {
            lock (_lock)
                return _closedWith;
        }
    }

    /// <summary>Puts another token in the place of the owner's.</summary>
    public void ReplaceOwner(CancellationToken owner)
    {
        CancellationTokenRegistration previous;
        lock (_lock)
        {
            previous = _ownerRegistration;
            _owner = owner;
        }

        previous.Unregister();

        // Runs at once if the token is cancelled already. Without the lock: it closes the connection.
        var registration = owner.UnsafeRegister(static (self, token) => ((LinkState)self!).OnOwnerCancelled(token), this);
        lock (_lock)
        {
            if (_owner == owner)
                _ownerRegistration = registration;
        }
    }

    /// <summary>Stops listening to the owner: the link has ended.</summary>
    public void ReleaseOwner()
    {
        CancellationTokenRegistration registration;
        lock (_lock)
        {
            registration = _ownerRegistration;
            _ownerRegistration = default;
        }

        registration.Unregister();
    }

    /// <summary>Closes at once; queued data is discarded. Only the first close counts.</summary>
    public void Abort(CloseCode code)
    {
        if (TryStartClose(code))
            Connection.Abort(code, code.Name);
    }

    /// <summary>Claims the right to close. False if this end has closed before.</summary>
    public bool TryStartClose(CloseCode code)
    {
        lock (_lock)
        {
            if (_closedWith is not null)
                return false;
            _closedWith = code;
            return true;
        }
    }

    /// <summary>The peer broke a rule: close, count, log.</summary>
    public void AbortForViolation(string reason, CloseCode code)
    {
        Abort(code);
        Context.OnRefused(reason, RemoteId, Connection.Alpn);
    }

    /// <summary>Tells the observer the round-trip time, at most every 250 ms.</summary>
    public void SampleRtt()
    {
        if (Context.RttObserver is not { } observer)
            return;
        var now = Context.TimeProvider.GetTimestamp();
        var last = Volatile.Read(ref _rttSampledAt);
        if (last != 0 && Context.TimeProvider.GetElapsedTime(last, now) < RttInterval)
            return;
        if (Interlocked.CompareExchange(ref _rttSampledAt, now == 0 ? 1 : now, last) == last
            && Connection.Rtt is { } rtt)
            observer(RemoteId, rtt);
    }

    /// <summary>
    /// Turns the failure of an operation into what its caller gets, and closes the link as the rules say: cancelled or
    /// expired → 102 (or the code of the deadline), stream ended by the peer → 103.
    /// </summary>
    public Exception Translate(LinkPhase phase, Exception error, Deadline? deadline, CancellationToken caller)
    {
        if (error is OperationCanceledException)
        {
            if (deadline is { IsExpired: true })
            {
                Abort(deadline.Code ?? Protocol.TimeoutCode);
                return deadline.ToException(error);
            }

            Abort(CloseCode.Cancelled);
            var token = deadline?.Caller ?? caller;
            return new OperationCanceledException("The operation on the link was cancelled.", error, token);
        }

        if (IsCancelled)
        {
            return Context.Termination.IsCancellationRequested
                ? new NetworkClosedException(error)
                : new OperationCanceledException("The owner of the link has cancelled it.", error, _owner);
        }

        if (error is not TransportException transport)
            return new LinkException(phase, LinkErrorKind.Unknown, RemoteId, error.Message, null, error);
        if (transport.Kind is TransportErrorKind.StreamReset or TransportErrorKind.StreamStopped)
        {
            Abort(CloseCode.UnexpectedClose);
            return new LinkException(
                phase, LinkErrorKind.UnexpectedClose, RemoteId, $"{RemoteId:S} abandoned its stream.", null, error);
        }

        return OfEnd(phase, transport.CloseInfo ?? Connection.CloseInfo, error);
    }

    /// <summary>The exception for a link that has ended.</summary>
    public Exception OfEnd(LinkPhase phase, TransportCloseInfo? info, Exception? cause = null)
    {
        if (info is { Kind: TransportCloseKind.Local } && Context.Termination.IsCancellationRequested)
            return new NetworkClosedException(cause);
        var how = info?.ToString() ?? "failed";
        return new LinkException(
            phase, LinkErrorKind.Io, RemoteId, $"The link to {RemoteId:S} was {how}.", info?.RemoteCode, cause);
    }

    private void OnOwnerCancelled(CancellationToken token)
    {
        lock (_lock)
        {
            if (token != _owner)
                return; // replaced meanwhile
        }

        // Set before the close, so that the operations that fail because of it know why.
        Volatile.Write(ref _ownerCancelled, true);
        Abort(CloseCode.Cancelled);
    }
}
