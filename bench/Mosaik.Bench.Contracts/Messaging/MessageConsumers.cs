using System.Diagnostics;

namespace Mosaik.Bench.Contracts.Messaging;

/// <summary>
/// The receiving node of a messaging workload: counts what arrives, notices what is missing or out of order, and takes the
/// time since each message was to be sent when the workload has a schedule.
/// </summary>
public abstract class MessageConsumers : INodeRole
{
    private const int CountEvery = 64;

    private readonly RateWindow _window = new();
    private readonly Latencies _latencies = new();
    private long[][] _next = [];
    private long[] _pending = [];
    private long[] _stopUntil = [];
    private long _lost;

    /// <summary>Whether what is lost does not void the round: the side makes no promise, and is shown for its times.</summary>
    protected virtual bool MayLose => false;

    protected MessagePlan Plan { get; private set; } = MessagePlan.Parse("");

    public async Task<NodeReady> StartAsync(NodeStart start)
    {
        ArgumentNullException.ThrowIfNull(start);
        Plan = MessagePlan.Parse(start.Variant);
        _next = [.. Enumerable.Range(0, Plan.Consumers).Select(_ => new long[Plan.Producers])];
        _pending = new long[Plan.Consumers];
        _stopUntil = new long[Plan.Consumers];
        return await OpenAsync(start);
    }

    public async Task<NodeMeasured> MeasureAsync(NodeMeasure measure)
    {
        ArgumentNullException.ThrowIfNull(measure);
        if (Plan.StopsOne)
            Volatile.Write(ref _stopUntil[0], Stopwatch.GetTimestamp() + (long)(MessagePlan.StopTime.TotalSeconds * Stopwatch.Frequency));
        var broker = BrokerCpuSeconds();
        var lost = Interlocked.Read(ref _lost);
        var measured = await _window.MeasureAsync(measure, Plan.Rate > 0 ? _latencies.Summary : null, _latencies.Reset);
        var resources = measured.Resources with
        {
            CpuSeconds = measured.Resources.CpuSeconds + BrokerCpuSeconds() - broker,
        };
        return measured with { Resources = resources, Lost = Interlocked.Read(ref _lost) - lost };
    }

    public abstract ValueTask DisposeAsync();

    /// <summary>Connects, subscribes and starts to receive.</summary>
    protected abstract Task<NodeReady> OpenAsync(NodeStart start);

    /// <summary>The processor time a broker in between has used.</summary>
    protected virtual double BrokerCpuSeconds() => 0;

    /// <summary>A message arrived. One call at a time per consumer.</summary>
    protected void OnMessage(int consumer, ReadOnlySpan<byte> message)
    {
        var (producer, number, scheduled) = MessageStamp.Read(message);
        var next = _next[consumer][producer];
        if (number != next && next != 0 && !MayLose && !(consumer == 0 && Plan.SparesOne))
            Interlocked.Add(ref _lost, Math.Abs(number - next));
        _next[consumer][producer] = number + 1;
        if (Plan.Rate > 0)
            _latencies.Record(scheduled);
        _pending[consumer] += Plan.CountsBytes ? message.Length : 1;
        if (Plan.Rate > 0 || _pending[consumer] >= CountEvery)
            Flush(consumer);
    }

    /// <summary>Counts what has arrived: at the end of a batch.</summary>
    protected void Flush(int consumer)
    {
        var pending = _pending[consumer];
        _pending[consumer] = 0;
        if (pending > 0 && !(consumer == 0 && Plan.SparesOne))
            _window.Add(pending);
    }

    /// <summary>How long a consumer is not to read now.</summary>
    protected TimeSpan StopOf(int consumer)
    {
        var until = Volatile.Read(ref _stopUntil[consumer]);
        return until == 0 ? TimeSpan.Zero : TimeSpan.FromSeconds((double)(until - Stopwatch.GetTimestamp()) / Stopwatch.Frequency);
    }
}
