using System.Diagnostics;

namespace Mosaik.Bench.Contracts.Messaging;

/// <summary>
/// The sending node of a messaging workload: each producer sends as fast as back-pressure lets it, or by a fixed schedule
/// that does not wait for anybody (B5, B6).
/// </summary>
public abstract class MessageProducers : INodeRole
{
    private readonly RateWindow _window = new();
    private readonly List<Task> _loops = [];
    private volatile bool _stopped;

    protected MessagePlan Plan { get; private set; } = MessagePlan.Parse("");

    protected bool IsStopped => _stopped;

    public async Task<NodeReady> StartAsync(NodeStart start)
    {
        ArgumentNullException.ThrowIfNull(start);
        Plan = MessagePlan.Parse(start.Variant);
        var ready = await OpenAsync(start);
        for (var i = 0; i < Plan.Producers; i++)
        {
            var producer = i;
            _loops.Add(Task.Factory.StartNew(
                () => Plan.Rate > 0 ? KeepSchedule(producer) : SendAllAsync(producer),
                CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap());
        }

        return ready;
    }

    public virtual async Task<NodeMeasured> MeasureAsync(NodeMeasure measure)
    {
        var measured = await _window.MeasureAsync(measure);
        // A loop that failed makes the rate of the others meaningless.
        foreach (var loop in _loops.Where(static l => l.IsFaulted))
            await loop;
        return measured;
    }

    public async ValueTask DisposeAsync()
    {
        _stopped = true;
        await CloseAsync();
        try
        {
            await Task.WhenAll(_loops).WaitAsync(TimeSpan.FromSeconds(3));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The connection was closed under them on purpose.
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Connects.</summary>
    protected abstract Task<NodeReady> OpenAsync(NodeStart start);

    /// <summary>Sends a message; completes when the next one may be sent. The message may then be changed.</summary>
    protected abstract ValueTask SendAsync(int producer, byte[] message);

    /// <summary>Disconnects; sends under way may fail.</summary>
    protected abstract ValueTask CloseAsync();

    /// <summary>The bytes of a message that has <paramref name="size"/> bytes on the wire.</summary>
    protected virtual byte[] NewMessage(int size) => new byte[size];

    private async Task SendAllAsync(int producer)
    {
        var message = NewMessage(Plan.Size);
        for (long number = 0; !_stopped; number++)
        {
            MessageStamp.Write(message, producer, number, 0);
            await SendAsync(producer, message);
        }
    }

    private Task KeepSchedule(int producer)
    {
        PreciseSleep.Prepare();
        var message = NewMessage(Plan.Size);
        var period = (double)Stopwatch.Frequency / Plan.Rate;
        var start = Stopwatch.GetTimestamp();
        for (long number = 0; !_stopped;)
        {
            var due = start + (long)(number * period);
            if (Stopwatch.GetTimestamp() < due)
            {
                PreciseSleep.Until(due);
                continue;
            }

            MessageStamp.Write(message, producer, number++, due);
            var sending = SendAsync(producer, message);
            if (!sending.IsCompletedSuccessfully)
                sending.AsTask().GetAwaiter().GetResult();
        }

        return Task.CompletedTask;
    }
}
