using Mosaik.Discovery.Gossip.Protocol;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;
using Mosaik.Waiting;
using Lane = Mosaik.Discovery.Gossip.GossipInbox.Lane;

namespace Mosaik.Discovery.Gossip;

/// <summary>
/// Owns the <see cref="GossipCore"/>: one loop that takes what waits, keeps the timers, and carries out the effects over
/// connections with peers (spec/gossip.md §9).
/// </summary>
/// <remarks>
/// <para>The loop never waits for a peer: messages go into bounded queues, dialling and all streams have tasks of their
/// own, which the driver owns and whose results come back through the <see cref="GossipInbox"/>. It looks at accepted
/// connections, calls, dials, received messages, timers, in this order, some of each per turn, so that none starves the
/// others.</para>
/// <para>Per peer at most four connections, per connection 64 messages; 16 dials at once and 256 in line. A connection
/// without use is closed: after 10 s when the peer was given up, after 120 s when a newer one took its place or when the
/// peer never became a neighbour.</para>
/// <para>It serves inbound connections as the handler of <see cref="WireProtocol.Announce"/>.</para>
/// </remarks>
internal sealed partial class GossipDriver : IGossip, IProtocolHandler
{
    private const int ItemsPerTurn = 64;

    private readonly GossipContext _context;
    private readonly GossipCore _core;
    private readonly GossipInbox _inbox;
    private readonly GossipTimers _timers = new();
    private readonly LogLimiter _limiter;
    private readonly TaskSet _tasks;
    private readonly long _epoch;
    private EndpointAddress? _changedAddress;
    private int _handleDisposed;
    private volatile bool _stopping;
    private Task _loop = Task.CompletedTask;

    public GossipDriver(GossipContext context)
    {
        _context = context;
        _inbox = new GossipInbox(context.Options, context.Scheduler);
        _limiter = new LogLimiter(context.TimeProvider);
        _tasks = new TaskSet(context.Scheduler);
        _epoch = context.TimeProvider.GetTimestamp();
        _core = new GossipCore(context.LocalId, EncodeAddress(context.Address), context.Options, context.Random);
    }

    public GossipOptions Options => _context.Options;

    private TimeSpan Now => _context.TimeProvider.GetElapsedTime(_epoch);

    /// <inheritdoc/>
    public void Start() => _loop = _context.Scheduler.Start(RunAsync);

    /// <inheritdoc/>
    public async ValueTask ServeAsync(InboundConnection inbound, CancellationToken termination)
    {
        ITransportConnection connection = inbound.Connection;
        if (!await _inbox.PostAsync(Lane.Accepted, () => OnEstablished(connection, isDialled: false), CancellationToken.None)
                .ConfigureAwait(false))
        {
            connection.Abort(CloseCode.None, "");
        }
    }

    /// <inheritdoc/>
    public void OnAddressChanged(EndpointAddress address)
    {
        Volatile.Write(ref _changedAddress, address);
        _inbox.Wake();
    }

    /// <summary>A handle or an event stream was disposed: the loop looks for topics that nobody needs.</summary>
    public void OnHandleDisposed()
    {
        Volatile.Write(ref _handleDisposed, 1);
        _inbox.Wake();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _stopping = true;
        _inbox.Complete();
        await _loop.ConfigureAwait(false);
        await _tasks.WhenEmptyAsync().ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        var alarm = new Alarm(_context.TimeProvider, _inbox.Wake);
        try
        {
            while (!_stopping)
            {
                if (TakeTurn())
                    continue;
                if (_timers.Next is { } next)
                    alarm.Set(next, Now);
                await _inbox.WaitAsync().ConfigureAwait(false);
            }
        }
        catch (Exception e)
        {
            // Whatever it is, the state can no longer be trusted: the whole node stops.
            _context.Failed("gossip", e);
        }
        finally
        {
            await alarm.DisposeAsync().ConfigureAwait(false);
            _inbox.Complete();
            EndEverything();
        }
    }

    /// <summary>Does some of everything that waits; false if nothing did.</summary>
    private bool TakeTurn()
    {
        bool any = Take(Lane.Accepted) | Take(Lane.Commands);
        if (Interlocked.Exchange(ref _changedAddress, null) is { } address)
        {
            any = true;
            PeerData data = EncodeAddress(address);
            Run((core, _) => core.UpdatePeerData(data));
        }

        any |= Take(Lane.Dials) | TakeInbound();
        for (int i = 0; i < ItemsPerTurn && _timers.TryTakeDue(Now, out GossipTimers.Due due); i++)
        {
            any = true;
            if (due.Timer is { } timer)
                OnTimer(timer);
            else
                due.Action!(); // it is one of the two
        }

        if (Interlocked.Exchange(ref _handleDisposed, 0) != 0)
            EndUnusedTopics();
        return any;
    }

    private bool Take(Lane lane)
    {
        int taken = 0;
        while (taken < ItemsPerTurn && !_stopping && _inbox.TryTake(lane, out Action? action))
        {
            taken++;
            action();
        }

        return taken > 0;
    }

    private bool TakeInbound()
    {
        int taken = 0;
        while (taken < ItemsPerTurn && !_stopping && _inbox.TryTake(out Inbound inbound))
        {
            taken++;
            if (inbound.Message is { } message)
                OnReceived(inbound.Connection, inbound.Topic, message);
            else
                OnEnded(inbound.Connection);
        }

        return taken > 0;
    }

    private PeerData EncodeAddress(EndpointAddress address) =>
        PeerDataCodec.Encode(address, PeerData.LimitFor(_context.Options.MaxMessageSize));

    /// <summary>The loop has ended: nothing of what it owned goes on.</summary>
    private void EndEverything()
    {
        _leaving = true;
        foreach (TopicState topic in _topics.Values)
            topic.End();
        _topics.Clear();
        foreach (GossipPeer peer in _peers.Values)
            peer.Dial?.Cancel();
        CloseAll();
        _dialsWaiting.Clear();
        foreach (Lane lane in (Lane[])[Lane.Accepted, Lane.Commands, Lane.Dials])
        {
            // Connections and calls among what is left must be refused, not forgotten.
            while (_inbox.TryTake(lane, out Action? action))
                action();
        }
    }
}
