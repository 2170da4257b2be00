using System.Diagnostics;

namespace Mosaik.EndToEnd.Tests;

/// <summary>The replicas of one group: starts and kills them, and hears everything they tell.</summary>
internal sealed class GroupProcesses(string network, int replicas) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly Lock _lock = new();
    private readonly List<GroupProcess> _all = [];
    private readonly List<GroupProcess> _running = [];
    private readonly HashSet<string> _acknowledged = new(StringComparer.Ordinal);
    private readonly List<string> _violations = [];
    private readonly List<(Func<bool> IsMet, TaskCompletionSource Met)> _waits = [];
    private string _lastLeader = "";

    /// <summary>Every text that some client was told is committed.</summary>
    public IReadOnlyCollection<string> Acknowledged
    {
        get
        {
            lock (_lock)
                return [.. _acknowledged];
        }
    }

    /// <summary>Strong reads that did not see what had been acknowledged before, or saw it twice.</summary>
    public IReadOnlyCollection<string> Violations
    {
        get
        {
            lock (_lock)
                return [.. _violations];
        }
    }

    /// <summary>Starts a replica, and waits until it can be reached.</summary>
    public async Task StartAsync()
    {
        string[] contact = _running is [{ Address: { } address }, ..] ? [address] : [];
        var process = GroupProcess.Start(OnLine, [network, $"{replicas}", .. contact]);
        _all.Add(process);
        lock (_lock)
            _running.Add(process);
        await UntilAsync(() => process.Address is not null, "the address of a replica");
    }

    /// <summary>All replicas follow one leader, and are the voters.</summary>
    public Task CompleteAsync() => UntilAsync(IsComplete, "all running replicas to be the voters, with one leader");

    /// <summary>So many more writes are acknowledged.</summary>
    public Task WritesAsync(int more)
    {
        var enough = Acknowledged.Count + more;
        return UntilAsync(() => _acknowledged.Count >= enough, $"{more} more writes");
    }

    /// <summary>Kills the leader and returns the time until something was committed under another one.</summary>
    public async Task<TimeSpan> KillLeaderAsync()
    {
        GroupProcess leader;
        lock (_lock)
        {
            leader = _running.Single(p => p.Id == _running[0].Leader);
            _running.Remove(leader);
        }

        await leader.KillAsync();
        var killed = Stopwatch.GetTimestamp();
        await UntilAsync(() => _lastLeader.Length > 0 && _lastLeader != leader.Id, "a commit after the kill");
        return Stopwatch.GetElapsedTime(killed);
    }

    /// <summary>Stops the clients, and reads everything back from every replica.</summary>
    public async Task<IReadOnlyList<IReadOnlyList<string>>> StopAndReadAsync()
    {
        _running.ForEach(static p => p.Tell("stop"));
        await UntilAsync(() => _running.TrueForAll(static p => p.IsStopped), "the clients to stop");
        _running.ForEach(static p => p.Tell("all"));
        await UntilAsync(() => _running.TrueForAll(static p => p.All is not null), "all texts");
        return [.. _running.Select(static p => p.All!)]; // awaited above
    }

    /// <summary>Lets the replicas leave; returns their exit codes.</summary>
    public async Task<int[]> LeaveAsync()
    {
        using var deadline = new CancellationTokenSource(Patience);
        return await Task.WhenAll(_running.Select(p => p.LeaveAsync(deadline.Token)));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _all)
            await process.DisposeAsync();
    }

    private bool IsComplete()
    {
        var ids = _running.Select(static p => p.Id).ToHashSet();
        return _running.TrueForAll(p => ids.SetEquals(p.Roster) && p.Leader == _running[0].Leader) && ids.Contains(_running[0].Leader);
    }

    private void OnLine(GroupProcess process, string word, string rest)
    {
        lock (_lock)
        {
            switch (word)
            {
                case "address":
                    process.Address = rest;
                    break;
                case "leader":
                    process.Leader = rest;
                    break;
                case "roster":
                    process.Roster = rest.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                    break;
                case "ack":
                    var words = rest.Split(' ');
                    _acknowledged.Add(words[0]);
                    _lastLeader = words[1];
                    break;
                case "violation":
                    _violations.Add(rest);
                    break;
                case "stopped":
                    process.IsStopped = true;
                    break;
                case "all":
                    process.All = rest.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                    break;
            }

            foreach (var wait in _waits.FindAll(static w => w.IsMet()))
            {
                _waits.Remove(wait);
                wait.Met.TrySetResult();
            }
        }
    }

    private async Task UntilAsync(Func<bool> condition, string what)
    {
        var met = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (condition())
                return;
            _waits.Add((condition, met));
        }

        try
        {
            await met.Task.WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"waited {Patience} for {what}; {Describe()}");
        }
    }

    private string Describe()
    {
        lock (_lock)
        {
            return string.Join("; ", _running.Select(p =>
                $"{Short(p.Id)} follows {Short(p.Leader)} among {string.Join(',', p.Roster.Select(Short))}"))
                + $"; {_acknowledged.Count} writes acknowledged";
        }

        static string Short(string? id) => id is { Length: > 8 } ? id[..8] : id ?? "?";
    }
}
