using Mosaik.Networking;
using Mosaik.Waiting;

namespace Mosaik.Groups;

// Leaving and failing (spec/groups.md §12.2, §12.3).
internal sealed partial class GroupDriver
{
    private static readonly TimeSpan DepartureTime = TimeSpan.FromMilliseconds(500);

    private readonly Lock _stopLock = new();
    private Task? _stop;

    /// <summary>Leaves; the group's id has been withdrawn before. Waits again if it is called again.</summary>
    /// <param name="isGraceful">Whether to say goodbye.</param>
    public Task StopAsync(bool isGraceful)
    {
        lock (_stopLock)
            return _stop ??= _context.Scheduler.Start(() => LeaveAsync(isGraceful));
    }

    private async Task LeaveAsync(bool isGraceful)
    {
        Calls.Close(Terminated(null));
        if (isGraceful)
        {
            using var deadline = new Deadline(_context.TimeProvider, DepartureTime, "Leaving a group");
            Task? departed = null;
            if (await AskAsync(() => (departed = _bonds.DepartAsync(deadline.Token)) is not null).ConfigureAwait(false))
                await departed!.ConfigureAwait(false); // set by what was asked
        }

        // The loop goes on until the last bond has reported its end.
        await PostAsync(_bonds.Close).ConfigureAwait(false);
        await _bonds.WhenEndedAsync().ConfigureAwait(false);
        Volatile.Write(ref _isStopping, true);
        _wake.Set();
        await _loop.ConfigureAwait(false);
        await _bonds.WhenEndedAsync().ConfigureAwait(false);
        await _tasks.WhenEmptyAsync().ConfigureAwait(false);
    }

    /// <summary>The loop's last act.</summary>
    private void End(Exception? cause)
    {
        var error = Terminated(cause);
        Calls.Close(error);
        _events.Complete();
        while (_events.TryRead(out var left))
            left.Abandon();

        _bonds.Close();
        _effects.Clear();
        foreach (var call in _taken)
            call.Fail(error); // of those that had begun it is said once more, without effect
        foreach (var call in _commands.Values)
            call.Fail(error);
        foreach (var call in _queries.Values)
            call.Fail(error);
        _commands.Clear();
        _queries.Clear();
        var last = Status.Current;
        if (last.IsLeader)
            ChangeLeadership(isLeader: false);
        Status.Publish(last.Next(last with
        {
            Leader = null,
            IsLeader = false,
            IsOnline = false,
            IsRosterComplete = false,
            State = GroupState.Terminated,
        }));
        Status.Fail(error);
        Bonds.Publish([]);
        Bonds.Fail(error);
        Divergences.End(error);
        _context.Metrics.Bonds(0);
        _context.Metrics.Left();
        GroupsLog.GroupLeft(_context.Logger, GroupId);
        if (cause is null)
        {
            _completion.TrySetResult();
        }
        else
        {
            _completion.TrySetException(error);
            _failed(this);
        }
    }

    private GroupTerminatedException Terminated(Exception? cause) =>
        new(GroupId, cause is null ? "it was left, or the node stops." : cause.Message, cause);
}
