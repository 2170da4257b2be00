using System.Net;
using System.Threading.Channels;
using Mosaik.Primitives;
using Mosaik.Streams;

namespace Mosaik.Simulation.Streams;

/// <summary>
/// A node that produces: it may crash, restart under its key, withdraw its stream and offer it again.
/// </summary>
internal sealed class ProducerNode : IDisposable
{
    /// <summary>What all producers produce.</summary>
    public static readonly StreamId Stream = "datums";

    /// <summary>Datums that were accepted while their sender waited, and that it has not heard of yet.</summary>
    private const int Unheard = 2 * Sender.MostAtOnce;

    /// <summary>
    /// 256 KiB that the transport has taken pass through the narrowest window at the longest latency in 70 s.
    /// </summary>
    private const double DrainSeconds = 200;

    private readonly StreamsWorld _world;
    private readonly SecretKey _key;
    private readonly List<Task> _senders = [];
    private readonly List<Task> _watches = [];
    private readonly Dictionary<ChannelInfo, long> _given = [];
    private Producer<Datum>[] _handles = [];
    private DropCounter? _drops;

    public ProducerNode(StreamsWorld world, int index)
    {
        (_world, Index) = (world, index);
        _key = SecretKey.FromText($"producer {index}");
    }

    public int Index { get; }

    /// <summary>How often the stream was offered before.</summary>
    public int Life { get; private set; } = -1;

    /// <summary>Null while the node is down.</summary>
    public Network? Network { get; private set; }

    /// <summary>Whether something is being done to it.</summary>
    public bool IsBusy { get; set; }

    /// <summary>Writes under way, of all handles.</summary>
    public int Writers { get; set; }

    /// <summary>How often the stream has lost its last consumer.</summary>
    public int Breaks { get; private set; }

    /// <summary>A handle of the stream while it is offered.</summary>
    public Producer<Datum>? Offered => _handles is [var first, ..] ? first : null;

    /// <summary>Datums accepted in this life.</summary>
    public long Accepted { get; private set; }

    public PeerId Id => _key.PeerId;

    public IPAddress? Host => Network?.Local.Endpoint.LocalAddresses[0].Address;

    public int ConnectedConsumers => Offered?.Consumers.Count(static c => c.IsConnected) ?? 0;

    public async Task StartAsync()
    {
        _drops = new DropCounter();
        Network = await _world.StartNodeAsync($"p{Index}", _key, [], _drops);
        Open();
    }

    /// <summary>Offers the stream.</summary>
    public void Open()
    {
        Life++;
        Accepted = 0;
        _given.Clear();
        StreamsPlan plan = _world.Plan;
        var options = new ProducerOptions<Datum>
        {
            StreamId = Stream,
            BufferSize = plan.BufferSize,
            MaxBufferedBytes = plan.MaxBufferedBytes,
            Lagging = plan.Policy,
            StallTimeout = plan.StallTimeout,
            MaxConsumers = plan.MaxConsumers,
            AcceptIf = plan.RequiresTag ? static peer => peer.Tags.Contains(Welcome.Tag) : null,
            Tickets = plan.RequiresTicket ? [_world.Welcome] : [],
            OnlineWhen = plan.MinimumOnline == 1 ? null : condition => condition.AtLeast(plan.MinimumOnline),
            UndeliveredSink = new UndeliveredSink(_world.Ledger),
            Codec = _world.Codec,
        };

        // Network is set while the stream is open.
        _handles = [.. Enumerable.Range(0, plan.Handles).Select(_ => Network!.Streams.Produce(options))];
        _world.Record(Index, "offers", Life);
        _watches.Add(_world.Spawn($"watch of p{Index}.{Life}", () => WatchAsync(_handles[0])));
        for (int handle = 0; handle < _handles.Length; handle++)
        {
            var sender = new Sender(_world, this, _handles[handle], Life, handle);
            _senders.Add(_world.Spawn($"sender of p{Index}.{Life}/h{handle}", sender.RunAsync));
        }
    }

    /// <summary>Withdraws the stream: its senders are told, then its consumers.</summary>
    /// <param name="seconds">How long a handle may take; when nothing waits to be sent, less than the time for
    /// draining.</param>
    public async Task CloseAsync(double seconds = 5)
    {
        Producer<Datum>[] handles = _handles;
        _handles = [];
        foreach (Producer<Datum> handle in handles)
            await _world.ExpectAsync(handle.DisposeAsync().AsTask(), seconds, "ST-8", $"p{Index} closes a handle");
        await EndAsync();
        if (Network?.Discovery.Me.Entry.Streams.Contains(Stream) == true)
            _world.Fail("ST-9", $"p{Index} goes on listing the stream that it has withdrawn");
        _world.Record(Index, "withdraws", Life);
    }

    /// <summary>Leaves, politely or not.</summary>
    public async Task StopAsync(bool crash = false)
    {
        // Whoever stops a node has found it running.
        Network node = Network!;
        Network = null;
        Producer<Datum>[] handles = _handles;
        _handles = [];
        _world.Record(Index, crash ? "crashes" : "leaves", Life);
        if (crash)
            _world.Transports.Crash(node.Local.Endpoint.LocalAddresses[0].Address);
        await _world.ExpectAsync(node.DisposeAsync().AsTask(), 15, "ST-8", $"p{Index} leaves");
        foreach (Producer<Datum> handle in handles)
        {
            if (handle.IsOnline)
                _world.Fail("ST-6", $"p{Index} is online although its node has gone");
        }

        await EndAsync();
        if (_drops is { Count: > 0 })
            _world.Faults.Count(FaultKind.LaggingConsumer);
        _drops?.Dispose();
    }

    /// <summary>Every sender must come to its end.</summary>
    public async Task EndSendersAsync()
    {
        await _world.ExpectAsync(Task.WhenAll(_senders), DrainSeconds, "ST-8", $"the senders of p{Index} have ended");
        _senders.Clear();
    }

    /// <summary>Every wait of a stream that has closed must come to its end.</summary>
    private async Task EndAsync()
    {
        await EndSendersAsync();
        await _world.ExpectAsync(Task.WhenAll(_watches), 5, "ST-8", $"the waits of p{Index} have ended");
        _watches.Clear();
    }

    /// <summary>Counts how often the last consumer is lost.</summary>
    private async Task WatchAsync(Producer<Datum> producer)
    {
        ChannelCondition nobody = producer.When.Unsubscribed();
        try
        {
            while (true)
            {
                await nobody.WaitAsync();
                Breaks++;
            }
        }
        catch (ChannelClosedException)
        {
            // The stream was closed.
        }
    }

    /// <summary>A datum was accepted by one of the handles: what no consumer was sent yet is bounded (ST-7).</summary>
    public void OnAccepted(in Datum datum)
    {
        _world.Record(Index, "sent", datum.Number);
        _world.Ledger.OnAccepted(datum);
        if (datum.Life != Life || Offered is not { } first)
            return;
        Accepted++;
        foreach (ChannelInfo channel in first.Consumers)
        {
            if (!_world.Wants(_world.ConsumerOf(channel).Index, datum.Topic))
                continue;
            long given = _given[channel] = _given.GetValueOrDefault(channel) + 1;
            long waiting = given - channel.Datums - channel.Dropped;
            if (waiting > (2L * _world.Plan.BufferSize) + Unheard)
            {
                _world.Fail(
                    "ST-7", $"{waiting} datums of p{Index} wait for {channel}, "
                    + $"the buffer size is {_world.Plan.BufferSize}");
            }
        }
    }

    /// <summary>
    /// A last datum on every topic over every handle, each when nothing else waits: every subscriber must get those it
    /// wants.
    /// </summary>
    public async Task SendLastAsync()
    {
        for (int handle = 0; handle < _handles.Length; handle++)
        {
            var sender = new Sender(_world, this, _handles[handle], Life, handle);
            await FlushAsync(_handles[handle]);
            for (int topic = 0; topic < Datum.Topics; topic++)
            {
                await _world.ExpectAsync(sender.WriteOneAsync(topic), 10, "ST-8", $"p{Index} has sent its last datum");
                await FlushAsync(_handles[handle]);
            }
        }
    }

    /// <summary>
    /// Withdraws the stream right after datums were accepted: they are sent before consumers are told (spec/streams.md
    /// §11.2).
    /// </summary>
    public async Task CloseBusilyAsync()
    {
        ConsumerNode[] connected = [.. _world.Consumers.Where(consumer => consumer.IsConnectedTo(this))];
        for (int handle = 0; handle < _handles.Length; handle++)
            new Sender(_world, this, _handles[handle], Life, handle).Farewell();
        await CloseAsync();
        await _world.UntilAsync(
            () => Array.TrueForAll(connected, HasLast), 5, "ST-3",
            $"what p{Index} had accepted when it withdrew has arrived");
    }

    private Task FlushAsync(Producer<Datum> handle) =>
        _world.ExpectAsync(handle.FlushAsync().AsTask(), DrainSeconds, "ST-8", $"p{Index} has flushed");

    /// <summary>Whether a consumer has received the last datum of every handle, of those it wants.</summary>
    public bool HasLast(ConsumerNode consumer) => Enumerable.Range(0, _world.Plan.Handles).All(handle =>
        _world.Ledger.LastOf(consumer.Index, consumer.Life, Index, Life, handle)
            == _world.Ledger.LastWantedOf(consumer.Index, Index, Life, handle));

    /// <summary>At rest: both ends have counted the same, and what was skipped was counted.</summary>
    public void CheckCounts()
    {
        long missing = 0;
        foreach (ConsumerNode consumer in _world.Consumers)
        {
            missing += consumer.CheckCounts(this, _handles[0].Consumers);
        }

        CheckNothingIsLost();

        // The node runs, so it has a counter.
        if (_world.MayMiss && Life == 0 && missing > _drops!.Count)
        {
            _world.Fail(
                "ST-3", $"consumers missed {missing} datums of p{Index}, it counted {_drops.Count} dropped ones");
        }
    }

    /// <summary>
    /// Without a lost connection somebody has received each datum, or the producer has said that it was for nobody.
    /// </summary>
    private void CheckNothingIsLost()
    {
        bool eachHasOneConnection = _world.Consumers.All(
            c => !_world.IsEligible(c.Index) || _world.Ledger.CountsOf(c.Index, c.Life, Index).Connections == 1);
        if (Life > 0 || !_world.Plan.IsHarmless || _drops is { Count: > 0 } || !eachHasOneConnection)
            return;
        for (int handle = 0; handle < _handles.Length; handle++)
        {
            int accepted = _world.Ledger.AcceptedOf(Index, Life, handle);
            int received = _world.Merged(Index, Life).CountOf(handle);
            int undelivered = _world.Ledger.UndeliveredOf(Index, Life, handle);
            if (received + undelivered != accepted)
            {
                _world.Fail(
                    "ST-3", $"p{Index}/h{handle} has accepted {accepted} datums, {received} were received by anybody "
                    + $"and {undelivered} said to be for nobody");
            }
        }
    }

    /// <summary>Stops listening to meters.</summary>
    public void Dispose() => _drops?.Dispose();

    /// <inheritdoc/>
    public override string ToString() =>
        $"p{Index}.{Life}{(Network is null ? " down" : "")} sent {Accepted}, to "
        + (Offered is { } first ? string.Join(", ", first.Consumers) : "nobody");
}
