using Mosaik.Bench.Contracts.Messaging;

namespace Mosaik.Bench.Peers.Messaging;

/// <summary>
/// Back-pressure for brokers that have none: consumers report now and then how much they have received, and a producer stops
/// when the slowest is too far behind. Without it the broker would drop what a fast producer sends (B5). The reports are few
/// enough to cost nothing: four per window.
/// </summary>
internal sealed class CreditGate(MessagePlan plan)
{
    private const int MostMessages = 65_536;
    private const int MostBytes = 16 * 1024 * 1024;
    private const int ReportsPerWindow = 4;

    private readonly Lock _lock = new();
    private readonly long[] _received = new long[plan.Consumers];
    private TaskCompletionSource? _wait;
    private long _sent;

    /// <summary>After how many messages of one producer a consumer reports.</summary>
    public static int ReportEvery(MessagePlan plan) => Math.Max(1, Window(plan) / ReportsPerWindow);

    /// <summary>Before a message is sent: completes when it may be.</summary>
    public ValueTask EnterAsync()
    {
        lock (_lock)
        {
            if (_sent++ - _received.Min() < Window(plan))
                return ValueTask.CompletedTask;
            _wait = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return new ValueTask(_wait.Task);
        }
    }

    /// <summary>A consumer reports what it has received from this producer.</summary>
    public void Report(int consumer, long received)
    {
        lock (_lock)
        {
            _received[consumer] = Math.Max(_received[consumer], received);
            if (_wait is null || _sent - _received.Min() >= Window(plan))
                return;
            _wait.TrySetResult();
            _wait = null;
        }
    }

    private static int Window(MessagePlan plan) => Math.Clamp(MostBytes / plan.Size, 16, MostMessages);
}
