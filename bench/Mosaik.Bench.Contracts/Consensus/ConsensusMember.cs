using System.Diagnostics;
using System.Net;

namespace Mosaik.Bench.Contracts.Consensus;

/// <summary>
/// A member of a cluster with a client of its own, which works as long as this member leads: so many commands under way,
/// the next one when one is done. All members are the same program; who leads decides the cluster.
/// </summary>
public abstract class ConsensusMember : INodeRole
{
    private readonly Latencies _latencies = new();
    private readonly CancellationTokenSource _stop = new();
    private Task _load = Task.CompletedTask;
    private long _done;

    protected ConsensusPlan Plan { get; private set; } = ConsensusPlan.Parse("");

    /// <summary>Commands that count so far.</summary>
    protected virtual long Done => Interlocked.Read(ref _done);

    /// <summary>Opens the member, and begins to work when it leads.</summary>
    /// <param name="start">Address: its own endpoint; Key: the endpoints of all members, in the same order for all.</param>
    public async Task<NodeReady> StartAsync(NodeStart start)
    {
        ArgumentNullException.ThrowIfNull(start);
        Plan = ConsensusPlan.Parse(start.Variant);
        await OpenAsync(IPEndPoint.Parse(start.Address), [.. start.Key.Split(' ').Select(IPEndPoint.Parse)]);
        _load = Task.Run(() => LoadAsync(_stop.Token));
        return new NodeReady(start.Address, "");
    }

    public async Task<NodeMeasured> MeasureAsync(NodeMeasure measure)
    {
        ArgumentNullException.ThrowIfNull(measure);
        if (_load.IsFaulted)
            await _load;
        _latencies.Reset();
        var meter = new ResourceMeter();
        var cpu = OtherCpuSeconds();
        var before = Done;
        var start = Stopwatch.GetTimestamp();
        await Task.Delay(TimeSpan.FromSeconds(measure.WindowSeconds));
        var done = Done - before;
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        var resources = meter.Stop().Plus(new Resources(CpuSeconds: OtherCpuSeconds() - cpu));
        return new NodeMeasured(done, seconds, resources, Plan.InFlight == 1 ? _latencies.Summary() : null);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await CloseAsync();
        try
        {
            await _load.WaitAsync(TimeSpan.FromSeconds(3));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The cluster was closed under it on purpose.
        }

        _stop.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Starts the member; completes when a leader is known.</summary>
    protected abstract Task OpenAsync(IPEndPoint own, IPEndPoint[] all);

    /// <summary>Completes when this member leads.</summary>
    protected abstract Task WaitForLeadershipAsync(CancellationToken cancellationToken);

    /// <summary>Completes when a command is committed, or, to feed, appended.</summary>
    protected abstract ValueTask ExecuteAsync(ReadOnlyMemory<byte> command);

    /// <summary>Whether an exception says only that somebody else leads now.</summary>
    protected abstract bool IsLossOfLeadership(Exception failure);

    protected abstract ValueTask CloseAsync();

    /// <summary>Processor time so far of servers that are no members of this program.</summary>
    protected virtual double OtherCpuSeconds() => 0;

    private async Task LoadAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await WaitForLeadershipAsync(stop);
            try
            {
                await Task.WhenAll(Enumerable.Range(0, Plan.IsFeed ? 1 : Plan.InFlight).Select(_ => Task.Run(
                    () => Plan.IsFeed ? FeedAsync(stop) : ExecuteAsync(stop), stop)));
            }
            catch (Exception error) when (IsLossOfLeadership(error))
            {
                // The next leader's client goes on.
            }
        }
    }

    private async Task ExecuteAsync(CancellationToken stop)
    {
        var command = NewCommand();
        while (!stop.IsCancellationRequested)
        {
            var start = Stopwatch.GetTimestamp();
            await ExecuteAsync(command);
            if (Plan.InFlight == 1)
                _latencies.Record(start);
            Interlocked.Increment(ref _done);
        }
    }

    /// <summary>One client that does not wait for a command before it gives the next one.</summary>
    private async Task FeedAsync(CancellationToken stop)
    {
        var command = NewCommand();
        var underWay = new ValueTask[Plan.InFlight];
        for (var i = 0; !stop.IsCancellationRequested; i = (i + 1) % underWay.Length)
        {
            await underWay[i];
            underWay[i] = ExecuteAsync(command);
        }
    }

    private byte[] NewCommand()
    {
        var command = new byte[Plan.Size];
        new Random(1).NextBytes(command);
        return command;
    }
}
