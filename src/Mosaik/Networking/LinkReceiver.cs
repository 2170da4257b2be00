using System.Runtime.CompilerServices;
using Mosaik.Primitives;

namespace Mosaik.Networking;

/// <summary>The receiving half of a link. One receiver at a time.</summary>
/// <remarks>
/// One read of the transport may bring many frames: after <see cref="ReceiveAsync(CancellationToken)"/> the others are
/// taken with <see cref="TryReceive"/> without waiting. A payload is valid until the next call.
/// </remarks>
internal sealed class LinkReceiver : IDisposable
{
    private static readonly TimeSpan PermitStall = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan PermitTotal = TimeSpan.FromDays(1);

    private readonly FrameBuffer _frames = new();
    private FrameBudget.Permit? _permit;
    private long _received;
    private long _lastReadAt;
    private int _busy;

    internal LinkReceiver(LinkState state, int maxPayload)
    {
        State = state;
        MaxPayload = maxPayload;
    }

    internal LinkState State { get; }

    /// <summary>A header that claims more ends the link. May change between messages.</summary>
    public int MaxPayload { get; set; }

    /// <summary>
    /// When bytes came last, also in the middle of a message: a timestamp of the node's clock; 0 before the first.
    /// </summary>
    public long LastReadAt => Volatile.Read(ref _lastReadAt);

    /// <summary>Bytes received that were not taken yet, parts of messages included.</summary>
    public int Buffered => _frames.Buffered;

    /// <summary>The next message as it is; the payload is valid until the next call.</summary>
    public ValueTask<ReadOnlyMemory<byte>> ReceiveAsync(CancellationToken cancellationToken = default) =>
        ReceiveCore(null, cancellationToken);

    /// <inheritdoc cref="ReceiveAsync(CancellationToken)"/>
    public ValueTask<ReadOnlyMemory<byte>> ReceiveAsync(Deadline deadline) => ReceiveCore(deadline, deadline.Token);

    /// <summary>The next message, decoded.</summary>
    public ValueTask<Received<T>> ReceiveAsync<T>(IFrameCodec<T> codec, CancellationToken cancellationToken = default) =>
        ReceiveCore(codec, null, cancellationToken);

    /// <inheritdoc cref="ReceiveAsync{T}(IFrameCodec{T}, CancellationToken)"/>
    public ValueTask<Received<T>> ReceiveAsync<T>(IFrameCodec<T> codec, Deadline deadline) =>
        ReceiveCore(codec, deadline, deadline.Token);

    /// <summary>
    /// Takes a message that has been received already. A violation found here is raised by the next ReceiveAsync.
    /// </summary>
    public bool TryReceive(out ReadOnlyMemory<byte> payload)
    {
        Enter();
        try
        {
            ReleasePermit();
            if (_frames.TryRead(MaxPayload, out payload) != FrameStatus.Complete)
                return false;
            _received += payload.Length;
            return true;
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Decodes a payload, or ends the link as the rules say.</summary>
    public T Decode<T>(ReadOnlyMemory<byte> payload, IFrameCodec<T> codec)
    {
        if (codec.TryDecode(payload.Span, out var value, out var error))
            return value;
        throw Undecodable(error);
    }

    /// <summary>Ends the link because a payload was undecodable, and tells how to say so.</summary>
    public LinkException Undecodable(DecodeError error)
    {
        State.AbortForViolation("undecodable message", State.ViolationCode);
        var cause = new MosaikDecodeException(error.Reason, error.Offset);
        return new LinkException(
            LinkPhase.Receive, LinkErrorKind.Decode, State.RemoteId, $"{State.RemoteId:S}: {cause.Message}", null, cause);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        FlushMetrics();

        // A read that is still under way holds the buffer; it fails with the connection and is then collected.
        if (Interlocked.Exchange(ref _busy, 1) != 0)
            return;
        ReleasePermit();
        _frames.Dispose();
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Received<T>> ReceiveCore<T>(IFrameCodec<T> codec, Deadline? deadline, CancellationToken token)
    {
        var payload = await ReceiveCore(deadline, token).ConfigureAwait(false);
        return new Received<T>(Decode(payload, codec), payload.Length);
    }

    private ValueTask<ReadOnlyMemory<byte>> ReceiveCore(Deadline? deadline, CancellationToken token)
    {
        Enter();
        ReleasePermit();
        if (token.IsCancellationRequested || _frames.TryRead(MaxPayload, out var payload) != FrameStatus.Complete)
            return ReadAsync(deadline, token);
        _received += payload.Length;
        Leave();
        return new ValueTask<ReadOnlyMemory<byte>>(payload);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadOnlyMemory<byte>> ReadAsync(Deadline? deadline, CancellationToken token)
    {
        Deadline? permitted = null;
        try
        {
            token.ThrowIfCancellationRequested();
            while (true)
            {
                var status = _frames.TryRead(MaxPayload, out var payload);
                if (status == FrameStatus.Complete)
                {
                    _received += payload.Length;
                    FlushMetrics();
                    State.SampleRtt();
                    return payload;
                }

                if (status == FrameStatus.TooLarge)
                    throw TooLarge();
                var memory = _frames.GetMemory();
                if (_permit is null && _frames.Claim is { } claim and > FrameBudget.FreeBytes
                    && State.Context.BudgetOf(State.Protocol) is { } budget)
                {
                    var free = FrameBudget.FreeBytes - _frames.Buffered;
                    if (free > 0)
                    {
                        memory = memory[..Math.Min(free, memory.Length)];
                    }
                    else
                    {
                        _permit = await budget.AcquireAsync(State.RemoteId, claim, token).ConfigureAwait(false);
                        if (deadline is null)
                        {
                            deadline = permitted = new Deadline(
                                State.Context.TimeProvider, PermitTotal, "A large frame", State.RemoteId, PermitStall, token);
                            token = permitted.Token;
                        }
                    }
                }

                var read = await State.Stream.ReadAsync(memory, token).ConfigureAwait(false);
                if (read == 0)
                    throw Finished();
                _frames.Advance(read);
                Volatile.Write(ref _lastReadAt, State.Context.TimeProvider.GetTimestamp());
                deadline?.OnProgress(read);
            }
        }
        catch (Exception e) when (e is not LinkException)
        {
            FlushMetrics();
            throw State.Translate(LinkPhase.Receive, e, deadline, token);
        }
        finally
        {
            permitted?.Dispose();
            Leave();
        }
    }

    private LinkException TooLarge()
    {
        var claim = _frames.Claim;
        State.AbortForViolation("oversized frame", State.ViolationCode);
        return new LinkException(
            LinkPhase.Receive,
            LinkErrorKind.FrameTooLarge,
            State.RemoteId,
            $"{State.RemoteId:S} announced a frame of {claim} bytes; the limit is {MaxPayload}.");
    }

    private LinkException Finished()
    {
        State.Abort(CloseCode.UnexpectedClose);
        return new LinkException(
            LinkPhase.Receive,
            LinkErrorKind.UnexpectedClose,
            State.RemoteId,
            $"{State.RemoteId:S} finished its stream without closing the connection.");
    }

    private void ReleasePermit()
    {
        _permit?.Dispose();
        _permit = null;
    }

    private void FlushMetrics()
    {
        if (_received == 0)
            return;
        State.Context.Metrics.OnReceived(_received);
        _received = 0;
    }

    private void Enter()
    {
        if (Interlocked.Exchange(ref _busy, 1) != 0)
            throw new InvalidOperationException("A link has one receiver at a time.");
    }

    private void Leave() => Volatile.Write(ref _busy, 0);
}
