namespace Mosaik.Waiting.Tests;

/// <summary>Runs everything on the thread that calls <see cref="RunAll"/>, in the order of arrival.</summary>
internal sealed class OneThreadScheduler : TaskScheduler
{
    private readonly Queue<Task> _queue = new();
    private readonly Lock _lock = new();
    private int _threadId;

    public int Executed { get; private set; }

    public override int MaximumConcurrencyLevel => 1;

    public void RunAll()
    {
        _threadId = Environment.CurrentManagedThreadId;
        while (TryDequeue(out var task))
        {
            Executed++;
            TryExecuteTask(task);
        }
    }

    public void AssertHere() => Assert.Equal(_threadId, Environment.CurrentManagedThreadId);

    protected override void QueueTask(Task task)
    {
        lock (_lock)
            _queue.Enqueue(task);
    }

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    protected override IEnumerable<Task> GetScheduledTasks() => throw new NotSupportedException();

    private bool TryDequeue([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Task? task)
    {
        lock (_lock)
            return _queue.TryDequeue(out task);
    }
}
