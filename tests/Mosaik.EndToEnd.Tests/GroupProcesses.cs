using System.Diagnostics;
using System.Globalization;

namespace Mosaik.EndToEnd.Tests;

/// <summary>The replicas of one group: starts and kills them, and hears everything they tell.</summary>
internal sealed class GroupProcesses(string network, int replicas) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly Lock _lock = new();
    private readonly List<GroupProcess> _all = [];
    private readonly List<GroupProcess> _running = [];
    private readonly GroupHistory _history = new();
    private readonly List<(Func<bool> IsMet, TaskCompletionSource Met)> _waits = [];
    private string _lastLeader = "";

    /// <summary>How many writes some client was told are committed.</summary>
    public int Acknowledged
    {
        get
        {
            lock (_lock)
                return _history.Acknowledged;
        }
    }

    /// <summary>How many strong reads were answered.</summary>
    public int Reads
    {
        get
        {
            lock (_lock)
                return _history.Reads;
        }
    }

    /// <summary>The longest time without a commit so far.</summary>
    public TimeSpan LongestGap
    {
        get
        {
            lock (_lock)
                return Stopwatch.GetElapsedTime(0, _history.LongestGap());
        }
    }

    /// <summary>Starts a replica, and waits until it can be reached.</summary>
    /// <param name="key">That of one that has ended; null = a new one.</param>
    public async Task StartAsync(string? key = null)
    {
        var contact = _running is [{ Address: { } address }, ..] ? address : null;
        var process = GroupProcess.Start(OnLine, network, replicas, key ?? $"{network} {_all.Count}", contact);
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
        var enough = Acknowledged + more;
        return UntilAsync(() => _history.Acknowledged >= enough, $"{more} more writes");
    }

    /// <summary>Kills the leader and returns its key, and the time until something was committed under another one.</summary>
    public async Task<(string Key, TimeSpan Gap)> KillLeaderAsync()
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
        return (leader.Key, Stopwatch.GetElapsedTime(killed));
    }

    /// <summary>Stops every replica by SIGTERM, one after the other, and starts each again before the next one.</summary>
    public async Task RestartAllAsync()
    {
        foreach (var process in _running.ToArray())
        {
            lock (_lock)
                _running.Remove(process);
            using var deadline = new CancellationTokenSource(Patience);
            Assert.Equal(0, await process.TerminateAsync(deadline.Token));
            await StartAsync(process.Key);
            await CompleteAsync();
        }
    }

    /// <summary>Stops the clients, reads everything back from every replica, and judges the history.</summary>
    /// <returns>What is wrong; empty if nothing is.</returns>
    public async Task<IReadOnlyList<string>> StopAndJudgeAsync()
    {
        _running.ForEach(static p => p.Tell("stop"));
        await UntilAsync(() => _running.TrueForAll(static p => p.IsStopped), "the clients to stop");
        _running.ForEach(static p => p.Tell("all"));
        await UntilAsync(() => _running.TrueForAll(static p => p.All is not null), "all texts");
        var logs = _running.ConvertAll(static p => p.All!); // awaited above
        lock (_lock)
            return logs.TrueForAll(l => l.SequenceEqual(logs[0])) ? _history.Violations(logs[0]) : ["the logs differ"];
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
        var words = rest.Split(' ', StringSplitOptions.RemoveEmptyEntries);
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
                    process.Roster = words;
                    break;
                case "try":
                    _history.Tried(words[0], Number(words[1]));
                    break;
                case "ack":
                    _history.WasAcknowledged(words[0], Number(words[1]));
                    _lastLeader = words[2];
                    break;
                case "refused":
                    _history.WasRefused(words[0]);
                    break;
                case "read":
                    _history.Read((int)Number(words[0]), Number(words[1]), Number(words[2]));
                    break;
                case "stopped":
                    process.IsStopped = true;
                    break;
                case "all":
                    process.All = words;
                    break;
            }

            foreach (var wait in _waits.FindAll(static w => w.IsMet()))
            {
                _waits.Remove(wait);
                wait.Met.TrySetResult();
            }
        }
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

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
                + $"; {_history.Acknowledged} writes acknowledged";
        }

        static string Short(string? id) => id is { Length: > 8 } ? id[..8] : id ?? "?";
    }
}
