using System.Net;
using Mosaik.Quic.Connection;
using Mosaik.Quic.Endpoint;
using Mosaik.Quic.Tests.Tls;

namespace Mosaik.Quic.Tests.Connection;

/// <summary>What the network does to datagrams.</summary>
internal sealed record NetworkProfile
{
    public TimeSpan Latency { get; init; } = TimeSpan.FromMilliseconds(5);

    /// <summary>Up to so much is added at random: datagrams overtake each other.</summary>
    public TimeSpan Jitter { get; init; }

    public double Loss { get; init; }

    public double Duplication { get; init; }

    public double CongestionMarks { get; init; }

    /// <summary>Larger datagrams vanish.</summary>
    public int Mtu { get; init; } = 1500;

    /// <summary>Bytes per second; 0 = unlimited. A queue of <see cref="QueueBytes"/> is in front of it.</summary>
    public double BytesPerSecond { get; init; }

    public int QueueBytes { get; init; } = 200_000;
}

/// <summary>A datagram under way.</summary>
internal sealed class Datagram(IPEndPoint from, IPEndPoint to, byte[] bytes)
{
    public IPEndPoint From { get; set; } = from;

    public IPEndPoint To { get; set; } = to;

    public byte[] Bytes { get; set; } = bytes;

    public Ecn Ecn { get; set; }
}

/// <summary>
/// Endpoint cores, a network between them and a clock, all in one thread: a run is a function of its seed. Deliveries
/// of
/// one instant form one receive drain.
/// </summary>
internal sealed class World
{
    /// <summary>So many steps without an end are a livelock.</summary>
    private const int MaxSteps = 2_000_000;

    private readonly PriorityQueue<Datagram, (long Ticks, long Sequence)> _network = new();
    private readonly Dictionary<(IPEndPoint, IPEndPoint), long> _lineFreeAt = [];
    private long _sequence;

    public World(ulong seed = 1) => Random = new SeededRandom(seed);

    public SeededRandom Random { get; }

    public NetworkProfile Profile { get; set; } = new();

    public TimeSpan Now { get; set; } = TimeSpan.FromSeconds(1000);

    public List<Node> Nodes { get; } = [];

    /// <summary>Sees every datagram as it leaves; false = it is lost. It may change it.</summary>
    public Func<Datagram, bool>? Filter { get; set; }

    /// <summary>Makes a copy that arrives right after the original; null = none.</summary>
    public Func<Datagram, Datagram?>? Copy { get; set; }

    public Node Add(string address, Func<EndpointSettings, EndpointSettings>? configure = null,
        Func<ConnectionSettings, ConnectionSettings>? configureConnections = null, byte seed = 0)
    {
        byte[] identity = new byte[32];
        identity.AsSpan().Fill(seed != 0 ? seed : (byte)(Nodes.Count + 1));
        var node = new Node(this, IPEndPoint.Parse(address), identity, configure, configureConnections);
        Nodes.Add(node);
        return node;
    }

    public void Send(Datagram datagram)
    {
        if (Filter is { } filter && !filter(datagram))
            return;
        if (datagram.Bytes.Length > Profile.Mtu || Random.NextDouble() < Profile.Loss)
            return;
        if (Random.NextDouble() < Profile.CongestionMarks)
            datagram.Ecn = Ecn.Ce;
        Datagram? copy = Copy?.Invoke(datagram);
        Deliver(datagram);
        if (copy is not null)
            Deliver(copy);
        if (Random.NextDouble() < Profile.Duplication)
            Deliver(new Datagram(datagram.From, datagram.To, [.. datagram.Bytes]));
    }

    private void Deliver(Datagram datagram)
    {
        long departure = Now.Ticks;
        if (Profile.BytesPerSecond > 0)
        {
            (IPEndPoint, IPEndPoint) line = (datagram.From, datagram.To);
            long free = Math.Max(_lineFreeAt.GetValueOrDefault(line), Now.Ticks);
            double queued = (free - Now.Ticks) / (double)TimeSpan.TicksPerSecond * Profile.BytesPerSecond;
            if (queued > Profile.QueueBytes)
                return;
            departure = free + (long)(datagram.Bytes.Length / Profile.BytesPerSecond * TimeSpan.TicksPerSecond);
            _lineFreeAt[line] = departure;
        }
        long jitter = Profile.Jitter == TimeSpan.Zero ? 0 : (long)(Random.NextDouble() * Profile.Jitter.Ticks);
        _network.Enqueue(datagram, (departure + Profile.Latency.Ticks + jitter, _sequence++));
    }

    /// <summary>Runs until the condition holds; fails when it does not within the time.</summary>
    public void RunUntil(Func<bool> condition, double seconds = 60, string? what = null)
    {
        TimeSpan end = Now + TimeSpan.FromSeconds(seconds);
        if (!Run(condition, end))
            Assert.Fail($"not reached within {seconds} s of simulated time: {what ?? "condition"}");
    }

    /// <summary>Runs for a time.</summary>
    public void RunFor(double seconds) => Run(static () => false, Now + TimeSpan.FromSeconds(seconds));

    /// <summary>Lets every node do what is due now.</summary>
    public void Settle()
    {
        foreach (Node node in Nodes)
            node.Turn();
    }

    private bool Run(Func<bool> condition, TimeSpan end)
    {
        for (int step = 0; step < MaxSteps; step++)
        {
            Settle();
            if (condition())
                return true;
            TimeSpan next = TimeSpan.MaxValue;
            foreach (Node node in Nodes)
            {
                if (node.Core.NextTimeout is { } deadline && deadline < next)
                    next = deadline;
            }
            if (_network.TryPeek(out _, out (long Ticks, long Sequence) first) && first.Ticks < next.Ticks)
                next = TimeSpan.FromTicks(first.Ticks);
            if (next > end)
            {
                Now = end;
                return condition();
            }
            if (next > Now)
                Now = next;
            while (_network.TryPeek(out _, out (long Ticks, long Sequence) due) && due.Ticks <= Now.Ticks)
            {
                Datagram datagram = _network.Dequeue();
                foreach (Node node in Nodes)
                {
                    if (node.Address.Equals(datagram.To) || node.Aliases.Contains(datagram.To))
                        node.Receive(datagram);
                }
            }
        }
        Assert.Fail("livelock: the simulation makes no end");
        return false;
    }
}
