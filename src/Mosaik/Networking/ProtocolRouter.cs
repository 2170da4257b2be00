using System.Collections.Frozen;
using System.Net;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Networking;

/// <summary>
/// Accepts connections and hands each to the handler of its protocol, in a task of its own, within the limits of the
/// protocol (spec/wire.md §6.3, §7; spec/reliability.md E19).
/// </summary>
/// <remarks>
/// Order: <see cref="Register"/> for every protocol, <see cref="Start"/>, <see cref="StopAccepting"/>, then, when the
/// node's termination token is cancelled, <see cref="DisposeAsync"/>, which waits for the tasks. It owns all tasks it
/// starts.
/// </remarks>
internal sealed class ProtocolRouter : IAsyncDisposable
{
    private readonly ITransport _transport;
    private readonly LinkContext _context;
    private readonly Action<ITransportConnection> _opened;
    private readonly Action<ITransportConnection, IPEndPoint> _closed;
    private readonly Action<Exception> _failed;
    private readonly CancellationTokenSource _accepting = new();
    private readonly Dictionary<WireProtocol, IProtocolHandler> _handlers = [];
    private readonly TaskSet _serving;
    private FrozenDictionary<string, Route> _routes = FrozenDictionary<string, Route>.Empty;
    private Task _loop = Task.CompletedTask;

    /// <summary>Makes the router of a node.</summary>
    /// <param name="transport">Whose connections are accepted.</param>
    /// <param name="context">What the links share.</param>
    /// <param name="opened">Told of each inbound connection.</param>
    /// <param name="closed">Told of its end, and where the peer was when it began.</param>
    /// <param name="failed">Told if accepting fails: the node cannot go on.</param>
    public ProtocolRouter(
        ITransport transport,
        LinkContext context,
        Action<ITransportConnection> opened,
        Action<ITransportConnection, IPEndPoint> closed,
        Action<Exception> failed)
    {
        _transport = transport;
        _context = context;
        _opened = opened;
        _closed = closed;
        _failed = failed;
        _serving = new TaskSet(context.Scheduler);
    }

    /// <summary>Inbound connections that are being served.</summary>
    public int Serving => _serving.Count;

    /// <summary>Names the handler of a protocol. Before <see cref="Start"/>.</summary>
    public void Register(WireProtocol protocol, IProtocolHandler handler)
    {
        if (_routes.Count > 0)
            throw new InvalidOperationException("Protocols are registered before accepting starts.");
        _handlers.Add(protocol, handler);
    }

    /// <summary>Accepts from now on. Names nobody has registered fail in the handshake.</summary>
    public void Start()
    {
        _routes = _handlers
            .SelectMany(h =>
            {
                var route = new Route(h.Key, h.Value, new ConnectionSlots(h.Key, _context.Scheduler));
                return h.Key.AcceptedAlpn.Select(alpn => KeyValuePair.Create(alpn, route));
            })
            .ToFrozenDictionary(StringComparer.Ordinal);
        _transport.SetAcceptedAlpn([.. WireProtocol.All.Where(_handlers.ContainsKey).SelectMany(p => p.AcceptedAlpn)]);
        _loop = _context.Scheduler.Start(AcceptAsync);
    }

    /// <summary>Accepts no more; connections that are being served go on.</summary>
    public void StopAccepting()
    {
        _transport.SetAcceptedAlpn([]);
        _accepting.Cancel();
    }

    /// <summary>
    /// Waits until everything that was started has ended. The node's termination token is cancelled before.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        StopAccepting();
        await _loop.ConfigureAwait(false);
        await _serving.WhenEmptyAsync().ConfigureAwait(false);
        _accepting.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var connection = await _transport.AcceptAsync(_accepting.Token).ConfigureAwait(false);
                var acceptedAt = _context.TimeProvider.GetTimestamp();
                _serving.Start(() => ServeAsync(connection, acceptedAt));
            }
        }
        catch (OperationCanceledException)
        {
            // StopAccepting.
        }
        catch (Exception e)
        {
            if (!_accepting.IsCancellationRequested && !_context.Termination.IsCancellationRequested)
                _failed(e);
        }
    }

    private async Task ServeAsync(ITransportConnection connection, long acceptedAt)
    {
        var (peer, endPoint) = (connection.RemoteId, connection.RemoteEndPoint);
        _opened(connection);
        NetworkLog.Accepted(_context.Logger, peer, endPoint, connection.Alpn);
        Route? entered = null;
        try
        {
            if (!_routes.TryGetValue(connection.Alpn, out var route))
            {
                Refuse(connection, "unexpected protocol", CloseCode.InvalidAlpn);
                return;
            }

            var inbound = new InboundConnection(_context, route.Protocol, connection, acceptedAt);
            if (!await EnterAsync(route, inbound).ConfigureAwait(false))
                return;
            entered = route;
            await route.Handler.ServeAsync(inbound, _context.Termination).ConfigureAwait(false);
            await connection.WaitClosedAsync(_context.Termination).ConfigureAwait(false);
        }
        catch (Exception e) when (e is MosaikException or OperationCanceledException)
        {
            // The exchange failed or the node stops; whoever failed has logged what deserves it.
            connection.Abort(CloseCode.Cancelled, CloseCode.Cancelled.Name);
        }
        catch (Exception e)
        {
            NetworkLog.HandlerFailed(_context.Logger, e, connection.Alpn, connection.RemoteId);
            connection.Abort(CloseCode.Cancelled, CloseCode.Cancelled.Name);
        }
        finally
        {
            entered?.Slots.Leave(connection);
            _closed(connection, endPoint);
        }
    }

    private async ValueTask<bool> EnterAsync(Route route, InboundConnection inbound)
    {
        var connection = inbound.Connection;
        using var deadline = inbound.StartDeadline(_context.Termination);
        try
        {
            if (await route.Slots.EnterAsync(connection, deadline.Token).ConfigureAwait(false))
                return true;
            Refuse(connection, "too many connections", route.Protocol.RefusalCode);
        }
        catch (OperationCanceledException) when (deadline.IsExpired)
        {
            Refuse(connection, "no place in time", route.Protocol.TimeoutCode);
        }

        return false;
    }

    private void Refuse(ITransportConnection connection, string reason, CloseCode code)
    {
        connection.Abort(code, code.Name);
        _context.OnRefused(reason, connection.RemoteId, connection.Alpn);
    }

    private sealed record Route(WireProtocol Protocol, IProtocolHandler Handler, ConnectionSlots Slots);
}
