using System.Net;

namespace Mosaik.Simulation.Streams;

/// <summary>Makes the troubles of a plan happen. A node that has one trouble already is spared a second.</summary>
internal sealed class StreamsFaults(StreamsWorld world)
{
    private const int MostBreaks = 8;
    private const int MostTries = 20;
    private static readonly TimeSpan BreakInterval = TimeSpan.FromSeconds(2.5);
    private static readonly TimeSpan TryInterval = TimeSpan.FromSeconds(0.5);

    public async Task RunAsync(StreamFault fault)
    {
        await world.DelayAsync(fault.At - world.Now);
        ProducerNode producer = world.Producers[fault.Producer];
        ConsumerNode consumer = world.Consumers[fault.Consumer];
        switch (fault.Kind)
        {
            case FaultKind.Partition when producer.Host is { } a && consumer.Host is { } b:
                await CutAsync(fault, [(a, b), (b, a)]);
                break;
            case FaultKind.OneWay when producer.Host is { } a && consumer.Host is { } b:
                await CutAsync(fault, [fault.Duration.Ticks % 2 == 0 ? (a, b) : (b, a)]);
                break;
            case FaultKind.ProducerCrash or FaultKind.ProducerRestart or FaultKind.Withdrawal when !producer.IsBusy:
                world.Faults.Count(fault.Kind);
                producer.IsBusy = true;
                await InterruptAsync(producer, fault);
                producer.IsBusy = false;
                break;
            case FaultKind.ConsumerCrash or FaultKind.ConsumerReopened when !consumer.IsBusy:
                world.Faults.Count(fault.Kind);
                consumer.IsBusy = true;
                await InterruptAsync(consumer, fault);
                consumer.IsBusy = false;
                break;
            case FaultKind.Revocation when world.Plan.HasRule && world.IsEligible(consumer.Index) && !consumer.IsBusy:
                world.Faults.Count(fault.Kind);
                consumer.IsBusy = true;
                consumer.SetWelcome(false);
                await world.DelayAsync(fault.Duration);
                consumer.SetWelcome(true);
                consumer.IsBusy = false;
                break;
            case FaultKind.ConnectionLost:
                await BreakAsync(producer, consumer);
                break;
            case FaultKind.SlowReader:
                world.Faults.Count(fault.Kind);
                consumer.PausedUntil = world.Now + fault.Duration;
                break;
            case FaultKind.LatencyTail:
                world.Faults.Count(fault.Kind);
                world.Transports.Links.Default = StreamsWorld.Links(
                    TimeSpan.FromMilliseconds(1 + (fault.Duration.TotalMilliseconds % 400)), world.Plan.Loss);
                await world.DelayAsync(fault.Duration);
                world.Transports.Links.Default = StreamsWorld.Links(world.Plan.MaxLatency, world.Plan.Loss);
                break;
            default:
                break; // the node is down or busy
        }
    }

    /// <summary>Breaks a connection again and again, each time that it is healthy.</summary>
    private async Task BreakAsync(ProducerNode producer, ConsumerNode consumer)
    {
        for (int i = 0; i < MostBreaks; i++)
        {
            for (int tries = 0; tries < MostTries && !consumer.IsHealthyWith(producer); tries++)
                await world.DelayAsync(TryInterval);
            if (!consumer.IsHealthyWith(producer))
                return;
            world.Faults.Count(FaultKind.ConnectionLost);
            world.Record(producer.Index, "broken", consumer.Index);
            consumer.Break(producer);
            await world.DelayAsync(BreakInterval);
        }
    }

    private async Task CutAsync(StreamFault fault, (IPAddress From, IPAddress To)[] ways)
    {
        world.Faults.Count(fault.Kind);
        world.Record(fault.Producer, fault.Kind == FaultKind.Partition ? "cut off" : "one way", fault.Consumer);
        foreach ((IPAddress from, IPAddress to) in ways)
            world.Transports.Links.Block(from, to);
        await world.DelayAsync(fault.Duration);
        foreach ((IPAddress from, IPAddress to) in ways)
            world.Transports.Links.Unblock(from, to);
        world.Record(fault.Producer, "healed", fault.Consumer);
    }

    private async Task InterruptAsync(ProducerNode producer, StreamFault fault)
    {
        if (fault.Kind == FaultKind.Withdrawal)
        {
            await producer.CloseAsync();
            await world.DelayAsync(fault.Duration);
            producer.Open();
            return;
        }

        await producer.StopAsync(crash: fault.Kind == FaultKind.ProducerCrash);
        await world.DelayAsync(fault.Duration);
        await producer.StartAsync();
    }

    private async Task InterruptAsync(ConsumerNode consumer, StreamFault fault)
    {
        if (fault.Kind == FaultKind.ConsumerReopened)
        {
            await consumer.CloseAsync();
            await world.DelayAsync(fault.Duration);
            consumer.Open();
            return;
        }

        await consumer.StopAsync(crash: true);
        await world.DelayAsync(fault.Duration);
        await consumer.StartAsync();
    }
}
