using System.Threading.Channels;
using Mosaik.Streams;
using Mosaik.Testing;

namespace Mosaik.Simulation.Streams;

/// <summary>Sends through one handle in all the ways there are, until the handle closes or the world stops.</summary>
internal sealed class Sender(StreamsWorld world, ProducerNode owner, Producer<Datum> producer, int life, int handle)
{
    /// <summary>The most writes it has under way.</summary>
    public const int MostAtOnce = 6;

    private static readonly TimeSpan CalmPause = TimeSpan.FromMilliseconds(300);

    private readonly SimulationRandom _random = world.RandomOf($"sender/{owner.Index}/{life}/{handle}");
    private int _attempts;
    private int _underWay;

    public async Task RunAsync()
    {
        try
        {
            while (!world.IsStopping)
            {
                await StepAsync(_random.NextBelow(10));
                TimeSpan pause = world.IsQuiet ? CalmPause : world.Plan.Pause;
                await world.DelayAsync(pause * _random.NextDouble());
            }
        }
        catch (ChannelClosedException)
        {
            if (producer.IsOnline)
                world.Fail("ST-6", $"p{owner.Index}.{life}/h{handle} refuses as closed and is online");
        }
    }

    /// <summary>Writes a datum and waits until it is accepted.</summary>
    public Task WriteOneAsync(CancellationToken cancellationToken = default) => WriteAsync(Next(), cancellationToken);

    /// <summary>Writes a datum on one topic.</summary>
    public Task WriteOneAsync(int topic) => WriteAsync(Next() with { Topic = topic }, default);

    /// <summary>Gives as much as is taken at once and will be sent within the time for draining.</summary>
    public void Farewell() => TryMany(Math.Min(MostAtOnce, world.Plan.BufferSize), small: true);

    private async Task WriteAsync(Datum datum, CancellationToken cancellationToken)
    {
        _underWay++;
        owner.Writers++;
        try
        {
            await producer.WriteAsync(datum, cancellationToken);
            owner.OnAccepted(datum);
        }
        finally
        {
            _underWay--;
            owner.Writers--;
        }
    }

    private Task StepAsync(int kind) => kind switch
    {
        < 5 => WriteOneAsync(),
        5 => TryManyAsync(),
        6 => WriteManyAsync(1 + _random.NextBelow(MostAtOnce)),
        7 => WriteAndCancelAsync(),
        8 => WaitAndTryAsync(),
        _ => world.DelayAsync(TimeSpan.FromMilliseconds(_random.NextBelow(1500))),
    };

    private Task TryManyAsync()
    {
        TryMany(1 + _random.NextBelow(MostAtOnce));
        return Task.CompletedTask;
    }

    private void TryMany(int count, bool small = false)
    {
        for (int i = 0; i < count; i++)
            Try(small);
    }

    private void Try(bool small = false)
    {
        Datum datum = small ? Next() with { Padding = 0 } : Next();
        bool isOnline = producer.IsOnline;
        int connected = producer.Consumers.Count(static c => c.IsConnected);
        if (isOnline && connected < world.Plan.MinimumOnline)
            world.Fail("ST-6", $"p{owner.Index} is online with {connected} consumers");
        SendResult result = producer.TrySend(datum);
        if (isOnline != (result is SendResult.Accepted or SendResult.Full)
            || (result == SendResult.Accepted && _underWay > 0))
        {
            world.Fail(
                "ST-6", $"TrySend of p{owner.Index}: {result}, online before: {isOnline}, "
                + $"own writes under way: {_underWay}");
        }

        if (result == SendResult.Accepted)
            owner.OnAccepted(datum);
        else if (result == SendResult.Closed)
            throw new ChannelClosedException();
    }

    private async Task WriteManyAsync(int count)
    {
        var writes = new List<Task>();
        for (int i = 0; i < count; i++)
            writes.Add(WriteOneAsync());
        await Task.WhenAll(writes);
    }

    /// <summary>A write that is withdrawn after a while, unless it was served before.</summary>
    private async Task WriteAndCancelAsync()
    {
        using var cancel = new CancellationTokenSource();
        Task write = WriteOneAsync(cancel.Token);
        await world.DelayAsync(TimeSpan.FromMilliseconds(_random.NextBelow(400)));
        cancel.Cancel();
        try
        {
            await write;
        }
        catch (OperationCanceledException)
        {
            // Its number goes to the next datum: if this one arrived all the same, its attempt would tell.
        }
    }

    private async Task WaitAndTryAsync()
    {
        if (await producer.WaitToWriteAsync())
            Try();
    }

    private Datum Next() => new(
        owner.Index, life, handle, world.Ledger.AcceptedOf(owner.Index, life, handle) + _underWay, _attempts++,
        _random.NextBelow(Datum.Topics), _random.NextBelow(world.Plan.MaxPadding + 1));
}
