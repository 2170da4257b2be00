using Mosaik.Networking.Transport;
using Mosaik.Primitives;

namespace Mosaik.Networking;

/// <summary>
/// One connection that carries one bidirectional stream of framed messages, for one exchange or subscription with one
/// peer (spec/wire.md §6).
/// </summary>
/// <remarks>
/// <para>The opener opens the stream and must send first: the acceptor does not hear of the stream before bytes arrive.
/// The side that received the last message closes. A side that must close after sending uses
/// <see cref="CloseAsync(CloseCode)"/>, which waits for the acknowledgement instead of finishing the stream: a FIN
/// would be answered with 103.</para>
/// <para>Ends of a link: cancelled by its owner's token or an operation's token, or a deadline → 102 (groups: 30408 for
/// a deadline); FIN or reset by the peer → 103; oversized or undecodable message, or a second stream → 400 (group
/// handshake: 30400). It knows nothing of the messages.</para>
/// </remarks>
internal sealed class Link : IAsyncDisposable
{
    private static readonly TimeSpan AcknowledgementWait = TimeSpan.FromSeconds(1);

    private readonly LinkState _state;
    private readonly Task _watch;

    private Link(LinkState state, int maxInboundPayload)
    {
        _state = state;
        Sender = new LinkSender(state, int.MaxValue);
        Receiver = new LinkReceiver(state, maxInboundPayload);
        _watch = Task.WhenAll(
            WatchAsync(TransportStreamDirection.Bidirectional), WatchAsync(TransportStreamDirection.Unidirectional));
    }

    private Link(LinkSender sender, LinkReceiver receiver, Task watch)
    {
        _state = sender.State;
        Sender = sender;
        Receiver = receiver;
        _watch = watch;
    }

    /// <summary>The peer.</summary>
    public PeerId RemoteId => _state.RemoteId;

    /// <summary>The protocol name both ends agreed on.</summary>
    public string Alpn => _state.Connection.Alpn;

    /// <summary>Whether the owner's token has ended the link.</summary>
    public bool IsCancelled => _state.IsCancelled;

    /// <summary>The smoothed round-trip time of the path in use; null if unknown.</summary>
    public TimeSpan? Rtt => _state.Connection.Rtt;

    /// <summary>The connection below.</summary>
    public ITransportConnection Connection => _state.Connection;

    /// <summary>The sending half, for a second loop.</summary>
    public LinkSender Sender { get; }

    /// <summary>The receiving half, for a second loop.</summary>
    public LinkReceiver Receiver { get; }

    /// <summary>Opens the stream on a connection that this end has dialled.</summary>
    public static async ValueTask<Link> OpenAsync(
        LinkContext context,
        WireProtocol protocol,
        ITransportConnection connection,
        CancellationToken owner,
        CancellationToken cancellationToken)
    {
        try
        {
            var stream = await connection
                .OpenStreamAsync(TransportStreamDirection.Bidirectional, cancellationToken).ConfigureAwait(false);
            context.Metrics.OnOpened();
            return new Link(new LinkState(context, protocol, connection, stream, owner), protocol.MaxInboundPayload);
        }
        catch (OperationCanceledException)
        {
            connection.Abort(CloseCode.Cancelled, CloseCode.Cancelled.Name);
            throw;
        }
        catch (TransportException e)
        {
            throw Failed(LinkPhase.Open, connection, e);
        }
    }

    /// <summary>Takes the stream that the peer opens on a connection it has dialled.</summary>
    public static async ValueTask<Link> AcceptAsync(
        LinkContext context,
        WireProtocol protocol,
        ITransportConnection connection,
        Deadline deadline,
        CancellationToken owner)
    {
        if (!protocol.AcceptedAlpn.Contains(connection.Alpn, StringComparer.Ordinal))
        {
            connection.Abort(CloseCode.InvalidAlpn, CloseCode.InvalidAlpn.Name);
            context.OnRefused("unexpected protocol", connection.RemoteId, connection.Alpn);
            throw new LinkException(
                LinkPhase.Accept,
                LinkErrorKind.InvalidAlpn,
                connection.RemoteId,
                $"{connection.RemoteId:S} speaks {connection.Alpn} where {protocol.Alpn} is expected.")
            {
                ExpectedAlpn = protocol.Alpn,
                ReceivedAlpn = connection.Alpn,
            };
        }

        try
        {
            var stream = await connection
                .AcceptStreamAsync(TransportStreamDirection.Bidirectional, deadline.Token).ConfigureAwait(false);
            var state = new LinkState(context, protocol, connection, stream, owner);
            context.Metrics.OnOpened();
            return new Link(state, protocol.MaxInboundPayload);
        }
        catch (OperationCanceledException e)
        {
            var code = deadline.IsExpired ? deadline.Code ?? protocol.TimeoutCode : CloseCode.Cancelled;
            connection.Abort(code, code.Name);
            if (deadline.IsExpired)
                throw deadline.ToException(e);
            throw;
        }
        catch (TransportException e)
        {
            throw Failed(LinkPhase.Accept, connection, e);
        }
    }

    /// <summary>The two halves, for one sender and one receiver. The link remains usable to close.</summary>
    public (LinkSender Sender, LinkReceiver Receiver) Split() => (Sender, Receiver);

    /// <summary>Puts the halves of one link together again.</summary>
    /// <exception cref="ArgumentException">They come from different connections.</exception>
    public static Link Join(LinkSender sender, LinkReceiver receiver)
    {
        ArgumentNullException.ThrowIfNull(sender);
        ArgumentNullException.ThrowIfNull(receiver);
        if (!ReferenceEquals(sender.State, receiver.State))
            throw new ArgumentException("The halves come from different connections.", nameof(receiver));
        return new Link(sender, receiver, Task.CompletedTask); // the link that was split still watches
    }

    /// <inheritdoc cref="LinkSender.SendAsync{T}(T, IFrameCodec{T}, CancellationToken)"/>
    public ValueTask<int> SendAsync<T>(T value, IFrameCodec<T> codec, CancellationToken cancellationToken = default) =>
        Sender.SendAsync(value, codec, cancellationToken);

    /// <inheritdoc cref="LinkSender.SendAsync{T}(T, IFrameCodec{T}, Deadline)"/>
    public ValueTask<int> SendAsync<T>(T value, IFrameCodec<T> codec, Deadline deadline) =>
        Sender.SendAsync(value, codec, deadline);

    /// <inheritdoc cref="LinkSender.SendRawAsync(ReadOnlyMemory{byte}, CancellationToken)"/>
    public ValueTask<int> SendRawAsync(ReadOnlyMemory<byte> payload, CancellationToken cancellationToken = default) =>
        Sender.SendRawAsync(payload, cancellationToken);

    /// <inheritdoc cref="LinkSender.SendRawAsync(ReadOnlyMemory{byte}, Deadline)"/>
    public ValueTask<int> SendRawAsync(ReadOnlyMemory<byte> payload, Deadline deadline) =>
        Sender.SendRawAsync(payload, deadline);

    /// <inheritdoc cref="LinkReceiver.ReceiveAsync(CancellationToken)"/>
    public ValueTask<ReadOnlyMemory<byte>> ReceiveAsync(CancellationToken cancellationToken = default) =>
        Receiver.ReceiveAsync(cancellationToken);

    /// <inheritdoc cref="LinkReceiver.ReceiveAsync(Deadline)"/>
    public ValueTask<ReadOnlyMemory<byte>> ReceiveAsync(Deadline deadline) => Receiver.ReceiveAsync(deadline);

    /// <inheritdoc cref="LinkReceiver.ReceiveAsync{T}(IFrameCodec{T}, CancellationToken)"/>
    public ValueTask<Received<T>> ReceiveAsync<T>(IFrameCodec<T> codec, CancellationToken cancellationToken = default) =>
        Receiver.ReceiveAsync(codec, cancellationToken);

    /// <inheritdoc cref="LinkReceiver.ReceiveAsync{T}(IFrameCodec{T}, Deadline)"/>
    public ValueTask<Received<T>> ReceiveAsync<T>(IFrameCodec<T> codec, Deadline deadline) =>
        Receiver.ReceiveAsync(codec, deadline);

    /// <summary>
    /// Waits until the peer has acknowledged everything written (at most 1 s), then closes with a code.
    /// </summary>
    /// <exception cref="LinkException">The link was closed before
    /// (<see cref="LinkErrorKind.AlreadyClosed"/>).</exception>
    public ValueTask CloseAsync(CloseCode code) => CloseAsync(code, AcknowledgementWait);

    /// <summary>The same with a bound of its own for the acknowledgement.</summary>
    public async ValueTask CloseAsync(CloseCode code, TimeSpan acknowledgementWait)
    {
        if (Connection.CloseInfo is { } info)
            throw AlreadyClosed(info);
        using (var deadline = new Deadline(_state.Context.TimeProvider, acknowledgementWait, "Closing", RemoteId))
        {
            try
            {
                await _state.Stream.WaitAllAcknowledgedAsync(deadline.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // The peer had its second.
            }
            catch (TransportException)
            {
                // The stream or the connection ended meanwhile; the next check tells which.
            }
        }

        if (Connection.CloseInfo is { } ended)
            throw AlreadyClosed(ended);
        if (!_state.TryStartClose(code))
            throw AlreadyClosed(await Connection.WaitClosedAsync().ConfigureAwait(false));
        await Connection.CloseAsync(code, code.Name).ConfigureAwait(false);
        await _watch.ConfigureAwait(false);
    }

    /// <summary>Waits until the peer has acknowledged everything written so far.</summary>
    /// <exception cref="LinkException">The link ended before.</exception>
    public async ValueTask WaitAllAcknowledgedAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            await _state.Stream.WaitAllAcknowledgedAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (TransportException e)
        {
            throw _state.Translate(LinkPhase.Send, e, null, cancellationToken);
        }
    }

    /// <summary>Closes at once; queued data is discarded. Nothing happens if the link was closed before.</summary>
    public void Abort(CloseCode code) => _state.Abort(code);

    /// <summary>
    /// Completes normally if the link was closed at this end, by its owner's token, or by the peer with 200.
    /// </summary>
    /// <exception cref="LinkException">The link ended in another way.</exception>
    public async ValueTask WaitClosedAsync(CancellationToken cancellationToken = default)
    {
        var info = await Connection.WaitClosedAsync(cancellationToken).ConfigureAwait(false);
        if (info.Kind == TransportCloseKind.Local)
            return;
        if (info.Kind == TransportCloseKind.Application && (!info.IsRemote || info.Code == CloseCode.Success))
            return;
        throw _state.OfEnd(LinkPhase.Close, info);
    }

    /// <summary>Puts a narrower token in the place of the owner's.</summary>
    public void ReplaceCancellation(CancellationToken owner) => _state.ReplaceOwner(owner);

    /// <summary>
    /// 32 bytes that both ends share and nobody else knows: TLS exporter with the ALPN as context (spec/wire.md §6.4).
    /// </summary>
    /// <param name="label">1 to 249 bytes.</param>
    /// <param name="output">32 bytes.</param>
    public void ExportKeyingMaterial(ReadOnlySpan<byte> label, Span<byte> output)
    {
        if (label.Length is 0 or > 249)
            throw new ArgumentException("A label has 1 to 249 bytes.", nameof(label));
        if (output.Length != 32)
            throw new ArgumentException("The output has 32 bytes.", nameof(output));
        Connection.ExportKeyingMaterial(label, System.Text.Encoding.ASCII.GetBytes(Alpn), output);
    }

    /// <summary>Closes with 102 if nobody has closed, and gives memory back.</summary>
    public async ValueTask DisposeAsync()
    {
        _state.Abort(CloseCode.Cancelled);
        await _watch.ConfigureAwait(false);
        Sender.Dispose();
        Receiver.Dispose();
    }

    private static LinkException Failed(LinkPhase phase, ITransportConnection connection, TransportException e) =>
        new(
            phase,
            LinkErrorKind.Io,
            connection.RemoteId,
            $"The connection to {connection.RemoteId:S} failed: {e.Message}",
            (e.CloseInfo ?? connection.CloseInfo)?.RemoteCode,
            e);

    private LinkException AlreadyClosed(TransportCloseInfo info) => new(
        LinkPhase.Close,
        LinkErrorKind.AlreadyClosed,
        RemoteId,
        $"The link to {RemoteId:S} was {info} before.",
        info.RemoteCode);

    /// <summary>A further stream of the peer is a violation. Ends with the connection.</summary>
    private async Task WatchAsync(TransportStreamDirection direction)
    {
        try
        {
            await Connection.AcceptStreamAsync(direction).ConfigureAwait(false);
            _state.AbortForViolation("unexpected stream", CloseCode.ProtocolViolation);
            await Connection.WaitClosedAsync().ConfigureAwait(false);
        }
        catch (TransportException)
        {
            // The connection has ended, which is what this loop waits for.
        }

        _state.ReleaseOwner();
    }
}
