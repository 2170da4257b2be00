namespace Mosaik.Groups;

/// <summary>
/// The calls of all handles in one line (spec/groups.md §7.6), and how many commands may be under way at once
/// (spec/groups.md §3.2): further ones wait here, each inside its caller's own task.
/// </summary>
/// <remarks>Calls are added by any thread; taken and ended by the group's loop.</remarks>
internal sealed class CallQueue(int maxCommands, Action wake)
{
    /// <summary>Bytes of commands that may be under way.</summary>
    internal const long MaxBytes = 64L * 1024 * 1024;

    private readonly Lock _lock = new();
    private readonly Queue<GroupCall> _calls = new();
    private Exception? _closed;
    private long _commands;
    private long _bytes;

    /// <summary>Whether a call can be taken now.</summary>
    public bool HasWork
    {
        get
        {
            lock (_lock)
                return _calls.TryPeek(out var next) && HasRoom(next);
        }
    }

    /// <summary>Adds a call, or ends it if no more calls are taken.</summary>
    public void Add(GroupCall call)
    {
        Exception? closed;
        lock (_lock)
        {
            closed = _closed;
            if (closed is null)
                _calls.Enqueue(call);
        }

        if (closed is null)
            wake();
        else
            call.Fail(closed);
    }

    /// <summary>Takes the next call, if there is room for its commands.</summary>
    public bool TryTake(out GroupCall? call)
    {
        lock (_lock)
        {
            if (!_calls.TryPeek(out call) || !HasRoom(call))
                return false;
            _calls.Dequeue();
            _commands += call.CommandCount;
            _bytes += call.CommandBytes;
            return true;
        }
    }

    /// <summary>The commands of a call are no longer under way.</summary>
    public void Ended(GroupCall call)
    {
        lock (_lock)
        {
            _commands -= call.CommandCount;
            _bytes -= call.CommandBytes;
        }
    }

    /// <summary>Takes no more calls; those that wait fail.</summary>
    public void Close(Exception error)
    {
        GroupCall[] waiting;
        lock (_lock)
        {
            _closed ??= error;
            waiting = [.. _calls];
            _calls.Clear();
        }

        foreach (var call in waiting)
            call.Fail(error);
    }

    /// <summary>A call larger than the limits runs alone.</summary>
    private bool HasRoom(GroupCall call) => call.CommandCount == 0 || _commands == 0
        || (_commands + call.CommandCount <= maxCommands && _bytes + call.CommandBytes <= MaxBytes);
}
