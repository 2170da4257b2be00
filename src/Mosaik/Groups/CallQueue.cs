using Mosaik.Groups.Bonds;

namespace Mosaik.Groups;

/// <summary>
/// The calls of all handles in one line (spec/groups.md §7.6), and how many commands may be under way at once
/// (spec/groups.md §3.2), which is until they are committed: further ones wait here, each inside its caller's own task.
/// </summary>
/// <remarks>Calls are added by any thread; taken and ended by the group's loop.</remarks>
internal sealed class CallQueue(int maxCommands, Action wake)
{
    /// <summary>
    /// Bytes of commands that may be under way: half of what a bond takes before it skips entries, because what other
    /// members forward travels the same way.
    /// </summary>
    internal const long MaxBytes = BondQueue.SkipAboveBytes / 2;

    private readonly Lock _lock = new();
    private readonly Queue<GroupCall> _calls = new();
    private Exception? _closed;
    private long _commands;
    private long _bytes;
    private bool _isHeld;

    /// <summary>
    /// Whether a call can be taken now. With <paramref name="isHeld"/> calls with commands stay, and new ones do not wake the
    /// loop, until this is said again.
    /// </summary>
    public bool HasWork(bool isHeld)
    {
        lock (_lock)
        {
            _isHeld = isHeld;
            return _calls.TryPeek(out var next) && IsNext(next);
        }
    }

    /// <summary>Whether the next call has commands, and there is room for them: it is taken soon, held or not.</summary>
    public bool HasCommandNext
    {
        get
        {
            lock (_lock)
                return _calls.TryPeek(out var next) && next.CommandCount > 0 && HasRoom(next);
        }
    }

    /// <summary>Adds a call, or ends it if no more calls are taken.</summary>
    public void Add(GroupCall call)
    {
        Exception? closed;
        bool isAwaited;
        lock (_lock)
        {
            closed = _closed;
            isAwaited = IsNext(call);
            if (closed is null)
                _calls.Enqueue(call);
        }

        if (closed is not null)
            call.Fail(closed);
        else if (isAwaited)
            wake();
    }

    /// <summary>Takes calls while there is room for their commands.</summary>
    public void Take(List<GroupCall> taken, int most, bool isHeld)
    {
        lock (_lock)
        {
            _isHeld = isHeld;
            while (taken.Count < most && _calls.TryPeek(out var call) && IsNext(call))
            {
                taken.Add(_calls.Dequeue());
                _commands += call.CommandCount;
                _bytes += call.CommandBytes;
            }
        }
    }

    /// <summary>Commands are no longer under way.</summary>
    public void Ended(long commands, long bytes)
    {
        lock (_lock)
        {
            _commands -= commands;
            _bytes -= bytes;
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

    private bool IsNext(GroupCall call) => call.CommandCount == 0 || (!_isHeld && HasRoom(call));

    // A call larger than the limits runs alone.
    private bool HasRoom(GroupCall call) => _commands == 0
        || (_commands + call.CommandCount <= maxCommands && _bytes + call.CommandBytes <= MaxBytes);
}
