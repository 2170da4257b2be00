using Mosaik.Waiting;

namespace Mosaik.Networking;

/// <summary>
/// Tasks that somebody owns: started on the node's scheduler, and waited for at the end. They do not fail.
/// </summary>
internal sealed class TaskSet(TaskScheduler scheduler)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<long, Task> _tasks = [];
    private long _last;

    /// <summary>Tasks that are running.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _tasks.Count;
        }
    }

    /// <summary>Starts a task, which handles its own failures.</summary>
    public void Start(Func<Task> body)
    {
        // Queued, not run, by this call; the task removes itself only after it was added.
        lock (_lock)
        {
            var id = ++_last;
            _tasks.Add(id, scheduler.Start(() => RunAsync(id, body)));
        }
    }

    /// <summary>Waits until none is running.</summary>
    public async ValueTask WhenEmptyAsync()
    {
        while (true)
        {
            Task[] tasks;
            lock (_lock)
                tasks = [.. _tasks.Values];
            if (tasks.Length == 0)
                return;
            await Task.WhenAll(tasks).ConfigureAwait(false);
        }
    }

    private async Task RunAsync(long id, Func<Task> body)
    {
        try
        {
            await body().ConfigureAwait(false);
        }
        finally
        {
            lock (_lock)
                _tasks.Remove(id);
        }
    }
}
