namespace Mosaik.Simulation.Streams;

/// <summary>
/// What was accepted and what was received, and whether the one follows from the other (ST-1 to ST-4, ST-6 of
/// spec/reliability.md §5.2).
/// </summary>
/// <remarks>
/// A handle numbers what it has accepted. A consumer must see the numbers of a handle rise, each with the attempt that
/// was accepted under it. A number that is missing is a gap; gaps are allowed only where the connection was lost, or
/// where lagging consumers miss datums. Which connection brought a datum is known by time: what was accepted after the
/// consumer's latest connection was made can only have come over that one, and then everything that was accepted since
/// must have come before it.
/// </remarks>
internal sealed class StreamsLedger(StreamsWorld world)
{
    private readonly Dictionary<(int Producer, int Life, int Handle), List<Acceptance>> _accepted = [];
    private readonly Dictionary<(int Consumer, int Life, int Producer), Pair> _pairs = [];
    private readonly HashSet<(int Producer, int Life, int Handle, int Number, int Attempt)> _undelivered = [];

    /// <summary>Datums received in the run.</summary>
    public long Received { get; private set; }

    /// <summary>A handle has accepted a datum.</summary>
    public void OnAccepted(in Datum datum)
    {
        List<Acceptance> log = Log(datum.Producer, datum.Life, datum.Handle);
        if (datum.Number != log.Count)
        {
            world.Fail(
                "ST-6", $"{datum} was accepted as number {log.Count} of its handle: senders were not served in order");
        }
        log.Add(new Acceptance(datum.Attempt, datum.Topic, world.Now));
    }

    /// <summary>How many datums a handle has accepted.</summary>
    public int AcceptedOf(int producer, int life, int handle) => Log(producer, life, handle).Count;

    /// <summary>A producer says that a datum was for nobody.</summary>
    public void OnUndelivered(in Datum datum) =>
        _undelivered.Add((datum.Producer, datum.Life, datum.Handle, datum.Number, datum.Attempt));

    /// <summary>How many datums of a handle were for nobody.</summary>
    public int UndeliveredOf(int producer, int life, int handle) =>
        _undelivered.Count(datum => (datum.Producer, datum.Life, datum.Handle) == (producer, life, handle));

    /// <summary>A consumer was made.</summary>
    public void OnConsumerOpened(int consumer, int life)
    {
        for (int producer = 0; producer < world.Plan.Producers; producer++)
            _pairs[(consumer, life, producer)] = new Pair(world.Now);
    }

    /// <summary>A consumer has seen its channel to a producer connected.</summary>
    public void OnConnected(int consumer, int life, int producer)
    {
        Pair pair = _pairs[(consumer, life, producer)];
        pair.ConnectedAt = world.Now;
        pair.Connections++;
    }

    /// <summary>A consumer was given a datum.</summary>
    public void OnReceived(int consumer, int life, in Datum datum)
    {
        Received++;
        if ((uint)datum.Producer >= world.Plan.Producers || (uint)datum.Handle >= world.Plan.Handles)
        {
            world.Fail("ST-1", $"c{consumer} received {datum}, which nobody can have sent");
            return;
        }
        if (!world.IsEligible(consumer))
            world.Fail("ST-5", $"c{consumer} received {datum} although the producer does not accept it");
        List<Acceptance> log = Log(datum.Producer, datum.Life, datum.Handle);
        if (datum.Number >= log.Count || log[datum.Number].Attempt != datum.Attempt)
        {
            world.Fail("ST-6", $"c{consumer} received {datum}, which was not accepted");
            return;
        }
        if (!world.Wants(consumer, datum.Topic))
            world.Fail("CRITERIA", $"c{consumer} received {datum}, which its criteria leave out");
        if (_undelivered.Contains((datum.Producer, datum.Life, datum.Handle, datum.Number, datum.Attempt)))
            world.Fail("ST-3", $"c{consumer} received {datum}, which was said to be for nobody");
        Pair pair = _pairs[(consumer, life, datum.Producer)];
        if (log[datum.Number].At < pair.OpenedAt)
            world.Fail("ST-4", $"c{consumer} received {datum}, which was accepted before the consumer was there");
        if (datum.Life < pair.Life)
            world.Fail("ST-1", $"c{consumer} received {datum} after a datum of life {pair.Life}");
        if (datum.Life > pair.Life)
        {
            pair.Life = datum.Life;
            Array.Fill(pair.Last, -1);
        }
        int last = pair.Last[datum.Handle];
        if (datum.Number <= last)
            world.Fail(datum.Number == last ? "ST-2" : "ST-1", $"c{consumer} received {datum} after number {last}");
        CheckGap(consumer, pair, log, datum, last);
        pair.Last[datum.Handle] = datum.Number;
        pair.Received++;
        pair.ReceivedAt = world.Now;
        world.Merged(datum.Producer, datum.Life).OnReceived(consumer, life, datum, world);
    }

    /// <summary>
    /// The last number a consumer has received of a handle in a producer's present life; −1 for none.
    /// </summary>
    public int LastOf(int consumer, int life, int producer, int producerLife, int handle)
    {
        Pair pair = _pairs[(consumer, life, producer)];
        return pair.Life == producerLife ? pair.Last[handle] : -1;
    }

    /// <summary>The last number that a handle has accepted and a consumer wants; −1 for none.</summary>
    public int LastWantedOf(int consumer, int producer, int producerLife, int handle) =>
        Log(producer, producerLife, handle).FindLastIndex(accepted => world.Wants(consumer, accepted.Topic));

    /// <summary>Datums received by a consumer of a producer, and how many connections they came over.</summary>
    public (long Received, int Connections, long Missing) CountsOf(int consumer, int life, int producer)
    {
        Pair pair = _pairs[(consumer, life, producer)];
        return (pair.Received, pair.Connections, pair.Missing);
    }

    private void CheckGap(int consumer, Pair pair, List<Acceptance> log, in Datum datum, int last)
    {
        if (pair.ConnectedAt is not { } connectedAt || log[datum.Number].At <= connectedAt)
            return;
        for (int missing = datum.Number - 1; missing > last && log[missing].At > connectedAt; missing--)
        {
            if (!world.Wants(consumer, log[missing].Topic))
                continue;
            pair.Missing++;
            if (world.MayMiss)
                continue;
            world.Fail("ST-3", $"c{consumer} received {datum} but not number {missing}, accepted at "
                + $"t={log[missing].At.TotalSeconds:f6}; it has been connected since t={connectedAt.TotalSeconds:f6}");
        }
    }

    private List<Acceptance> Log(int producer, int life, int handle)
    {
        if (!_accepted.TryGetValue((producer, life, handle), out List<Acceptance>? log))
            _accepted[(producer, life, handle)] = log = [];
        return log;
    }

    private readonly record struct Acceptance(int Attempt, int Topic, TimeSpan At);

    private sealed class Pair(TimeSpan openedAt)
    {
        public TimeSpan OpenedAt { get; } = openedAt;

        public TimeSpan? ConnectedAt { get; set; }

        public TimeSpan ReceivedAt { get; set; }

        public int Connections { get; set; }

        public int Life { get; set; } = -1;

        public long Received { get; set; }

        /// <summary>Datums that were accepted while the pair was connected and never came: skipped for lag.</summary>
        public long Missing { get; set; }

        public int[] Last { get; } = [-1, -1];
    }
}
