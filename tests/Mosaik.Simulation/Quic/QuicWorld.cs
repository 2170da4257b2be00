using Mosaik.Quic;
using Mosaik.Quic.Connection;
using Mosaik.Testing;

namespace Mosaik.Simulation.Quic;

/// <summary>
/// The world <c>quic</c>: connection and endpoint cores under swarm faults (spec/reliability.md §2 T1, §4, §5.5).
/// </summary>
internal sealed class QuicWorldKind : IWorld
{
    public string Name => "quic";

    public int Plan => 1;

    public string Summary => "QUIC endpoints, 1-3 connections, streams of all kinds; QU-1 to QU-8, RE-1";

    public RunResult Run(ulong seed, RunOptions options)
    {
        var loop = new EventLoop(seed, options);
        Violation? violation = null;
        try
        {
            new QuicWorld(loop).Run(options.Until is not null);
        }
        catch (InvariantViolationException e)
        {
            violation = new Violation(e.Invariant, e.Detail, loop.Trace.Recent(12));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            violation = new Violation("EXCEPTION", e.ToString(), loop.Trace.Recent(12));
        }
        return new RunResult(seed, loop.Step, loop.Now, loop.Trace.Hash, loop.Faults, violation);
    }
}

/// <summary>
/// One run: nodes, network, conversations and the plan of their troubles. It ends when every conversation has come to
/// its end after the last fault, and fails when that takes more than 60 virtual seconds.
/// </summary>
internal sealed class QuicWorld
{
    private static readonly TimeSpan QuietPhase = TimeSpan.FromSeconds(60);

    private readonly QuicPlan _plan;
    private readonly List<Conversation> _conversations = [];
    private readonly Dictionary<ulong, Conversation> _byClientId = [];
    private int _dialsLeft;

    public QuicWorld(EventLoop loop)
    {
        Loop = loop;
        _plan = new QuicPlan(loop.Random.Stream("plan"));
        Workload = loop.Random.Stream("workload");
        Network = new QuicNetwork(loop, _plan);
        SimulationRandom keys = loop.Random.Stream("keys");
        Nodes = [.. _plan.Nodes.Select((node, index) => new QuicNode(this, index, node, keys))];
        foreach (QuicNode node in Nodes)
        {
            Network.Attach(node.Address, node);
            Network.Attach(node.OtherAddress, node);
        }
    }

    public EventLoop Loop { get; }

    public QuicNetwork Network { get; }

    public SimulationRandom Workload { get; }

    public IReadOnlyList<QuicNode> Nodes { get; }

    /// <summary>Packets opened by the datagram being handled.</summary>
    public int PacketsOpened { get; set; }

    private bool IsOver => _dialsLeft == 0 && Loop.Now >= _plan.FaultsEnd
        && _conversations.TrueForAll(static conversation => conversation.IsOver)
        && Nodes.All(static node => node.Core.ConnectionCount == 0);

    /// <summary>Runs to the end; a partial run is not judged at its end.</summary>
    public void Run(bool isPartial)
    {
        SchedulePlan();
        Loop.Run(() => IsOver);
        if (isPartial)
            return;
        if (!IsOver)
            throw new InvariantViolationException("QU-8", "nothing is left to happen and conversations are open: " + DescribeOpen());
        foreach (QuicNode node in Nodes)
        {
            if (node.Buffers.Outstanding != 0)
                throw new InvariantViolationException("RE-1", $"n{node.Index} did not give back {node.Buffers.Outstanding} buffers");
        }
    }

    /// <summary>A client's first packet made a connection.</summary>
    public void OnAccepted(QuicNode node, QuicConnectionCore core, ConnectionOracle oracle, ulong clientId)
    {
        if (!_byClientId.TryGetValue(clientId, out Conversation? conversation))
            return;   // a damaged packet; the connection is forgotten unless something authentic follows
        if (core.State == ConnectionState.Drained)
            return;
        var end = new QuicEnd(this, conversation, node, core, oracle, isServer: true);
        oracle.End = end;
        conversation.Servers.Add(end);
        core.UserState = end;
    }

    /// <summary>Something happened on a connection.</summary>
    public void OnEvent(QuicNode node, QuicConnectionCore core, in ConnectionEvent e)
    {
        if (core.UserState is QuicEnd end)
        {
            if (e.Kind == ConnectionEventKind.Connected)
                node.Core.OnAccepted(core);
            end.OnEvent(e);
            return;
        }
        if (e.Kind == ConnectionEventKind.Connected)
            throw new InvariantViolationException("QU-2", $"n{node.Index} is connected to nobody who dialled");
        if (e.Kind == ConnectionEventKind.Drained)
            core.Dispose();
    }

    /// <summary>Judges how a connection ended: both ends are honest, so only faults may end one early.</summary>
    public void CheckClose(QuicEnd end, QuicCloseInfo info, bool isServer)
    {
        Conversation conversation = end.Conversation;
        QuicNode self = Nodes[isServer ? conversation.Plan.Server : conversation.Plan.Client];
        QuicNode peer = Nodes[isServer ? conversation.Plan.Client : conversation.Plan.Server];
        string? problem = info.Kind switch
        {
            QuicCloseKind.Application => CheckApplicationClose(info, isServer),
            QuicCloseKind.IdleTimeout => CheckIdle(end, self, peer, isServer),
            QuicCloseKind.HandshakeTimeout => conversation.Plan.At > _plan.FaultsEnd && !self.Plan.SpeaksOtherVersion
                ? "the handshake did not finish although nothing was lost" : null,
            QuicCloseKind.VersionNegotiation => !isServer && (self.Plan.SpeaksOtherVersion || Loop.Faults[FaultKind.BitFlip] > 0)
                ? null : "versions were negotiated without need",
            QuicCloseKind.StatelessReset => CheckReset(conversation, peer, isServer),
            // A client with nothing to say closes before the server has seen its Finished (spec/quic.md §6.2, last row but one).
            QuicCloseKind.Transport when info is { IsRemote: true, Code: (ulong)QuicError.ApplicationError } && isServer
                && conversation.TotalStreams == 0 => null,
            _ => "no fault explains it",
        };
        if (info.Kind == QuicCloseKind.VersionNegotiation)
            Loop.Faults.Count(FaultKind.VersionNegotiation);
        if (problem is not null)
            throw new InvariantViolationException("QU-8", $"n{self.Index} {(isServer ? "server" : "client")}: {info}: {problem}");
    }

    private static string? CheckApplicationClose(QuicCloseInfo info, bool isServer) =>
        info.Code != QuicEnd.DoneCode ? "an unknown code"
        : info.IsRemote != isServer ? "the server closed" : null;

    /// <summary>
    /// Silence for the whole idle timeout, begun while there were faults or because the peer was gone.
    /// </summary>
    private string? CheckIdle(QuicEnd end, QuicNode self, QuicNode peer, bool isServer)
    {
        TimeSpan idle = self.Plan.IdleTimeout < peer.Plan.IdleTimeout ? self.Plan.IdleTimeout : peer.Plan.IdleTimeout;
        if (end.Oracle.LastReceived is { } last && end.IsConnected && self.LocalNow - last < idle)
            return $"only {(self.LocalNow - last).TotalSeconds:f3} s after the last packet";
        IEnumerable<QuicEnd> others = isServer ? [end.Conversation.Client!] : end.Conversation.Servers;   // dialled before
        bool peerLives = others.Any(static other => other is { IsOver: false, IsClosed: false });
        return peerLives && end.Oracle.LastReceivedAt > _plan.FaultsEnd + TimeSpan.FromSeconds(1)
            ? "the peer lives and nothing was lost" : null;
    }

    /// <summary>Only a peer that forgot the connection sends a stateless reset.</summary>
    private static string? CheckReset(Conversation conversation, QuicNode peer, bool isServer)
    {
        bool forgotten = isServer ? conversation.Client is { IsOver: true } : conversation.Servers.Exists(static end => end.IsOver);
        return forgotten || peer.Restarts > 0 ? null : "the peer has not forgotten the connection";
    }

    private void SchedulePlan()
    {
        foreach (DialPlan dial in _plan.Dials)
            ScheduleDial(dial);
        // After the last fault everybody must be able to talk again.
        foreach (DialPlan dial in _plan.Dials)
        {
            ScheduleDial(dial with
            {
                At = _plan.FaultsEnd + TimeSpan.FromMilliseconds(1),
                Script = dial.Script ^ 0x5555,
                IsFinal = true,
            });
        }
        foreach ((TimeSpan at, int node) in _plan.Rebindings)
        {
            Loop.Schedule(at, () =>
            {
                Loop.Faults.Count(FaultKind.Rebinding);
                Loop.Record(node, "rebind");
                Nodes[node].Rebind();
            });
        }
        foreach ((TimeSpan at, int node) in _plan.Restarts)
        {
            Loop.Schedule(at, () =>
            {
                Loop.Faults.Count(FaultKind.Restart);
                Loop.Record(node, "restart");
                Nodes[node].Restart();
            });
        }
        Loop.Schedule(_plan.FaultsEnd, static () => { });
        Loop.Schedule(_plan.FaultsEnd + QuietPhase, () =>
        {
            if (!IsOver)
                throw new InvariantViolationException("QU-8", "60 s after the last fault: " + DescribeOpen());
        });
    }

    private void ScheduleDial(DialPlan dial)
    {
        _dialsLeft++;
        Loop.Schedule(dial.At, () =>
        {
            _dialsLeft--;
            Dial(dial);
        });
    }

    private void Dial(DialPlan dial)
    {
        QuicNode client = Nodes[dial.Client];
        QuicNode server = Nodes[dial.Server];
        CountKnobs(client.Plan, server.Plan);
        var conversation = new Conversation(dial, LargestStream(client.Plan, server.Plan));
        QuicConnectionCore core = client.Connect(server, out ConnectionOracle? oracle)
            ?? throw new InvariantViolationException("QU-8", $"n{client.Index} refuses to dial");
        var end = new QuicEnd(this, conversation, client, core, oracle!, isServer: false);   // every connection has a trace
        oracle!.End = end;
        core.UserState = end;
        conversation.Client = end;
        _conversations.Add(conversation);
        _byClientId.Add(core.LocalIds[0].AsUInt64, conversation);
        Loop.Record(client.Index, "dial", dial.Script);
        client.Poke();
    }

    /// <summary>As much as fits into the quiet phase, whatever the windows and the line.</summary>
    private int LargestStream(NodePlan client, NodePlan server)
    {
        double largest = 300_000;
        ulong window = Math.Min(
            Math.Min(client.StreamWindow, server.StreamWindow), Math.Min(client.ConnectionWindow, server.ConnectionWindow));
        largest = Math.Min(largest, window * 20.0);
        largest = Math.Min(largest, Math.Min(client.StreamSendBuffer, server.StreamSendBuffer) * 20.0);
        if (_plan.Link.Bandwidth > 0)
            largest = Math.Min(largest, _plan.Link.Bandwidth / 10);
        return (int)largest;
    }

    private void CountKnobs(NodePlan client, NodePlan server)
    {
        Count(server.ForceRetry, FaultKind.Retry);
        Count(client.MaxInitialFrameBytes > 0, FaultKind.SplitClientHello);
        Count(client.MtuProbes.Count > 0, FaultKind.MtuProbe);
        Count(client.StreamWindow < 10_000 || server.StreamWindow < 10_000, FaultKind.SmallWindow);
        Count(server.ForceHelloRetryRequest && !client.ForceHelloRetryRequest, FaultKind.HelloRetryRequest);

        void Count(bool condition, FaultKind kind)
        {
            if (condition)
                Loop.Faults.Count(kind);
        }
    }

    private string DescribeOpen()
    {
        var open = _conversations.Where(static conversation => !conversation.IsOver).Select(conversation =>
            $"n{conversation.Plan.Client}→n{conversation.Plan.Server} {conversation.Client?.Describe()} / "
            + string.Join(", ", conversation.Servers.Select(static end => end.Describe())));
        return string.Join("; ", open) + string.Concat(Nodes.Where(static node => node.Core.ConnectionCount > 0)
            .Select(static node => $"; n{node.Index} has {node.Core.ConnectionCount} connections"));
    }
}
