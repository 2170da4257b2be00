using Mosaik.Testing;

namespace Mosaik.Simulation.Quic;

/// <summary>How one node is built.</summary>
internal sealed record NodePlan
{
    /// <summary>Clock rate in parts per million of deviation.</summary>
    public long ClockPpm { get; init; }

    /// <summary>What its clock shows at the start.</summary>
    public TimeSpan ClockOffset { get; init; }

    public ulong KeyUpdateAfterPackets { get; init; }

    public bool ForceHelloRetryRequest { get; init; }

    public bool ForceRetry { get; init; }

    public bool SpeaksOtherVersion { get; init; }

    public int MaxInitialFrameBytes { get; init; }

    public IReadOnlyList<int> MtuProbes { get; init; } = [];

    public bool ShuffleTransportParameters { get; init; }

    public bool OmitServerName { get; init; }

    public int Suite { get; init; }

    public bool UseCubic { get; init; }

    public bool SkipPacketNumbers { get; init; }

    public ulong StreamWindow { get; init; } = 1_250_000;

    public ulong ConnectionWindow { get; init; } = 16 * 1024 * 1024;

    public ulong MaxStreams { get; init; } = 100;

    public int StreamSendBuffer { get; init; } = 256 * 1024;

    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(30);
}

/// <summary>What the network does to datagrams while faults are on; latency and bandwidth stay to the end.</summary>
internal sealed record LinkPlan
{
    public TimeSpan Latency { get; init; }

    public bool HasLatencyTail { get; init; }

    public double Loss { get; init; }

    public double Duplication { get; init; }

    public double Reordering { get; init; }

    public double BitFlips { get; init; }

    public double CongestionMarks { get; init; }

    public double CopiedInitials { get; init; }

    public int MaxDatagram { get; init; } = 65_535;

    public int FirstDatagramsLost { get; init; }

    /// <summary>Bytes per second of each directed link; 0 = unlimited.</summary>
    public double Bandwidth { get; init; }
}

/// <summary>A time during which datagrams from one node do not reach another.</summary>
internal sealed record Blockade(TimeSpan From, TimeSpan To, int Source, int Destination, bool IsPartition);

/// <summary>One connection to make, and what is sent over it.</summary>
internal sealed record DialPlan(int Client, int Server, TimeSpan At, ulong Script, bool IsFinal);

/// <summary>
/// Everything that will go wrong in a run, drawn from the stream <c>plan</c> of its seed. Swarm testing (ISSTA 2012):
/// each kind of fault is on with probability ½ and its rate drawn log-uniformly, so that seeds differ in kinds and not
/// only in luck.
/// </summary>
internal sealed class QuicPlan
{
    private readonly SimulationRandom _random;

    public QuicPlan(SimulationRandom random)
    {
        _random = random;
        int count = Chance(0.8) ? 2 : 3;
        Nodes = [.. Enumerable.Range(0, count).Select(_ => DrawNode())];
        Link = DrawLink();
        var dials = new List<DialPlan>();
        for (int i = 1 + Below(3); i > 0; i--)
        {
            int client = Below(count);
            int server = (client + 1 + Below(count - 1)) % count;
            dials.Add(new DialPlan(client, server, Duration(1, 3000), random.NextUInt64(), IsFinal: false));
        }
        Dials = dials;
        Blockades = DrawBlockades(count);
        FaultsEnd = Duration(2000, 20_000);
        foreach (Blockade blockade in Blockades)
            FaultsEnd = blockade.To > FaultsEnd ? blockade.To : FaultsEnd;
        // A client's address may change; a server that moves is lost to its clients (RFC 9000 §9).
        bool[] serves = new bool[count];
        foreach (DialPlan dial in dials)
            serves[dial.Server] = true;
        Rebindings = [.. Times(0.5, 10).Select(at => (at, Node: Below(count))).Where(r => !serves[r.Node])];
        Restarts = [.. Times(0.15, 2).Select(at => (at, Node: Below(count)))];
    }

    public IReadOnlyList<NodePlan> Nodes { get; }

    public LinkPlan Link { get; }

    public IReadOnlyList<DialPlan> Dials { get; }

    public IReadOnlyList<Blockade> Blockades { get; }

    public IReadOnlyList<(TimeSpan At, int Node)> Rebindings { get; }

    public IReadOnlyList<(TimeSpan At, int Node)> Restarts { get; }

    /// <summary>The last fault; from here on everything must come to its end within 60 seconds.</summary>
    public TimeSpan FaultsEnd { get; }

    private NodePlan DrawNode()
    {
        bool small = Chance(0.25);
        return new NodePlan
        {
            ClockPpm = Below(100_001) - 50_000,
            ClockOffset = TimeSpan.FromSeconds(Below(1_000_000)),
            KeyUpdateAfterPackets = Chance(0.4) ? (ulong)LogUniform(1, 300) : 0,
            ForceHelloRetryRequest = Chance(0.15),
            ForceRetry = Chance(0.15),
            SpeaksOtherVersion = Chance(0.04),
            MaxInitialFrameBytes = Chance(0.2) ? 20 + Below(200) : 0,
            MtuProbes = Chance(0.2) ? [1326, 1389, 1452] : [],
            ShuffleTransportParameters = Chance(0.3),
            OmitServerName = Chance(0.2),
            Suite = Below(4),
            UseCubic = Chance(0.5),
            SkipPacketNumbers = Chance(0.7),
            StreamWindow = small ? (ulong)LogUniform(200, 5000) : 1_250_000,
            ConnectionWindow = small || Chance(0.1) ? (ulong)LogUniform(400, 20_000) : 16 * 1024 * 1024,
            MaxStreams = Chance(0.2) ? (ulong)(1 + Below(3)) : 100,
            StreamSendBuffer = Chance(0.1) ? 1 + Below(2000) : 256 * 1024,
            IdleTimeout = Chance(0.2) ? TimeSpan.FromMilliseconds(LogUniform(6000, 30_000)) : TimeSpan.FromSeconds(30),
        };
    }

    private LinkPlan DrawLink() => new()
    {
        Latency = TimeSpan.FromTicks(LogUniform(1000, 500_000)),
        HasLatencyTail = Chance(0.5),
        Loss = Rate(0.001, 0.3),
        Duplication = Rate(0.001, 0.1),
        Reordering = Rate(0.001, 0.1),
        BitFlips = Rate(0.00001, 0.01),
        CongestionMarks = Chance(0.2) ? 0.1 : 0,
        CopiedInitials = Chance(0.2) ? 0.7 : 0,
        MaxDatagram = Chance(0.3) ? 1200 + Below(253) : 65_535,
        FirstDatagramsLost = Chance(0.2) ? 1 + Below(6) : 0,
        Bandwidth = Chance(0.3) ? LogUniform(50_000, 50_000_000) : 0,
    };

    private List<Blockade> DrawBlockades(int nodes)
    {
        var blockades = new List<Blockade>();
        if (!Chance(0.5))
            return blockades;
        for (int i = 1 + Below(3); i > 0; i--)
        {
            TimeSpan from = Duration(1, 10_000);
            // The buckets of spec/reliability.md §4.3 as far as a QUIC connection can tell them apart.
            TimeSpan length = Below(4) switch
            {
                0 => Duration(50, 1500),
                1 => Duration(1500, 3000),
                2 => Duration(3000, 8000),
                _ => Duration(8000, 60_000),
            };
            int source = Below(nodes);
            int destination = (source + 1 + Below(nodes - 1)) % nodes;
            bool both = Chance(0.5);
            blockades.Add(new Blockade(from, from + length, source, destination, both));
            if (both)
                blockades.Add(new Blockade(from, from + length, destination, source, both));
        }
        return blockades;
    }

    private IEnumerable<TimeSpan> Times(double probability, int most)
    {
        if (!Chance(probability))
            return [];
        return [.. Enumerable.Range(0, 1 + Below(most)).Select(_ => Duration(1, 8000))];
    }

    private double Rate(double low, double high) => Chance(0.5) ? low * Math.Pow(high / low, _random.NextDouble()) : 0;

    private long LogUniform(long low, long high) => (long)(low * Math.Pow((double)high / low, _random.NextDouble()));

    private TimeSpan Duration(long lowMilliseconds, long highMilliseconds) =>
        TimeSpan.FromTicks(LogUniform(lowMilliseconds * TimeSpan.TicksPerMillisecond, highMilliseconds * TimeSpan.TicksPerMillisecond));

    private bool Chance(double probability) => _random.NextDouble() < probability;

    private int Below(int limit) => (int)_random.NextBelow((ulong)limit);
}
