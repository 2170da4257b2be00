using Mosaik.Testing;

namespace Mosaik.Simulation;

/// <summary>
/// Virtual time and the queue of what happens when (spec/reliability.md §3.2): events in order of their time, events of
/// one time in the order in which they were put in.
/// </summary>
/// <remarks>
/// A run ends when the world says so, at a violation, or when a million events pass without time advancing. All
/// randomness of a world comes from named streams of one seed, so that a draw more in one place shifts nothing in
/// another.
/// </remarks>
internal sealed class EventLoop
{
    private const int LivelockSteps = 1_000_000;
    private readonly PriorityQueue<Action, (long Ticks, long Sequence)> _queue = new();
    private readonly RunOptions _options;
    private long _sequence;
    private long _stepsAtThisTime;

    public EventLoop(ulong seed, RunOptions options)
    {
        _options = options;
        Random = new SimulationRandom(seed);
    }

    /// <summary>The root of all randomness.</summary>
    public SimulationRandom Random { get; }

    /// <summary>The time of the world; nodes have clocks of their own.</summary>
    public TimeSpan Now { get; private set; }

    /// <summary>Events handled.</summary>
    public long Step { get; private set; }

    /// <summary>The fingerprint.</summary>
    public EventTrace Trace { get; } = new();

    /// <summary>What was injected.</summary>
    public FaultCounters Faults { get; } = new();

    /// <summary>True when someone reads the log.</summary>
    public bool IsLogging => _options.Log is not null;

    /// <summary>Puts an event in; times in the past mean now.</summary>
    public void Schedule(TimeSpan at, Action action) =>
        _queue.Enqueue(action, (Math.Max(at.Ticks, Now.Ticks), _sequence++));

    /// <summary>Something happened: part of the fingerprint, a line of the log.</summary>
    public void Record(int node, string kind, ulong argument = 0, ReadOnlySpan<byte> bytes = default)
    {
        Trace.Add(Step, Now, node, kind, argument, bytes);
        if (IsLogging)
            Log($"n{node} {kind} {argument:x} ({bytes.Length} B)");
    }

    /// <summary>A line of the log. Check <see cref="IsLogging"/> before building the text.</summary>
    public void Log(string line) => _options.Log?.WriteLine($"{Step,8} {Now.TotalSeconds,12:f6} {line}");

    /// <summary>Runs until there is nothing left, the condition holds, or the step asked for is reached.</summary>
    public void Run(Func<bool> isOver)
    {
        while (!isOver() && _queue.TryDequeue(out Action? action, out (long Ticks, long Sequence) key))
        {
            if (Step >= _options.Until)
                return;
            _stepsAtThisTime = key.Ticks > Now.Ticks ? 0 : _stepsAtThisTime + 1;
            if (_stepsAtThisTime > LivelockSteps)
                throw new InvariantViolationException("LIVELOCK", $"{LivelockSteps} events and time does not advance");
            Now = TimeSpan.FromTicks(key.Ticks);
            Step++;
            action();
        }
    }
}
