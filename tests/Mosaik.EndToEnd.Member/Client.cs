using Mosaik.Groups;

namespace Mosaik.EndToEnd.Member;

/// <summary>Writes a text, reads it back, again and again, and tells what was acknowledged and what it sees of the group.</summary>
internal sealed class Client(Group<string, string, IReadOnlyList<string>> group, string name)
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(10);

    private string _leader = "";
    private string _roster = "";

    /// <summary>Works until it is stopped; a write under way is finished.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(Period);
        for (var n = 1; !stop.IsCancellationRequested; n++)
        {
            Observe();
            var text = $"{name}-{n}";
            if (await TryWriteAsync(text))
            {
                Console.WriteLine($"ack {text} {group.Leader}");
                if (await TryReadAsync(text) is { Count: not 1 } found)
                    Console.WriteLine($"violation {text} was acknowledged, and a strong read finds it {found.Count} times");
            }

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

    /// <summary>What fails is not written again: it may have been executed.</summary>
    private async Task<bool> TryWriteAsync(string text)
    {
        try
        {
            await group.ExecuteAsync(text);
            return true;
        }
        catch (GroupOfflineException)
        {
            return false;
        }
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
