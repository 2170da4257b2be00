using System.Diagnostics;
using Mosaik.Groups;

namespace Mosaik.EndToEnd.Member;

/// <summary>
/// Writes a text, counts all texts by a strong read, again and again, and tells when each began and ended and what it sees
/// of the group. The clock is the one that all processes of a machine share.
/// </summary>
internal sealed class Client(Group<string, string, IReadOnlyList<string>> group, string name)
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(30);

    private string _leader = "";
    private string _roster = "";

    /// <summary>Works until it is stopped; what is under way is finished.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(Period);
        for (var n = 1; !stop.IsCancellationRequested; n++)
        {
            Observe();
            await WriteAsync($"{name}-{n}");
            await CountAsync();
            await timer.WaitForNextTickAsync(CancellationToken.None);
        }
    }

    /// <summary>All texts, from the leader.</summary>
    public async Task<IReadOnlyList<string>> ReadAllAsync()
    {
        while (true)
        {
            await group.When.Online();
            if (await TryReadAsync("") is { } all)
                return all;
        }
    }

    /// <summary>What fails is not written again: it may have been executed, unless it was not even submitted.</summary>
    private async Task WriteAsync(string text)
    {
        Console.WriteLine($"try {text} {Stopwatch.GetTimestamp()}");
        try
        {
            await group.ExecuteAsync(text);
            Console.WriteLine($"ack {text} {Stopwatch.GetTimestamp()} {group.Leader}");
        }
        catch (GroupOfflineException error) when (error.Outcome == OfflineOutcome.NotSubmitted)
        {
            Console.WriteLine($"refused {text}");
        }
        catch (GroupOfflineException)
        {
            // Nobody knows.
        }
    }

    private async Task CountAsync()
    {
        var start = Stopwatch.GetTimestamp();
        if (await TryReadAsync(JournalMachine.Count) is [var count])
            Console.WriteLine($"read {count} {start} {Stopwatch.GetTimestamp()}");
    }

    private async Task<IReadOnlyList<string>?> TryReadAsync(string query)
    {
        try
        {
            return (await group.QueryAsync(query, Consistency.Strong)).Result;
        }
        catch (GroupQueryOfflineException<string>)
        {
            return null;
        }
    }

    private void Observe()
    {
        var leader = group.Leader?.ToString() ?? "none";
        if (leader != _leader)
            Console.WriteLine($"leader {_leader = leader}");
        var roster = string.Join(' ', group.Voters.Select(voter => voter.PeerId.ToString()));
        if (roster != _roster)
            Console.WriteLine($"roster {_roster = roster}");
    }
}
