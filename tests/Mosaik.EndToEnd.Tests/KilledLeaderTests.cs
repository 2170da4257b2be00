namespace Mosaik.EndToEnd.Tests;

/// <summary>
/// Five replicas as five processes under load: the leader is killed again and again, and all of them are restarted one after
/// the other (spec/groups-safety.md §7).
/// </summary>
public sealed class KilledLeaderTests
{
    private const int Replicas = 5;

    [Fact]
    public async Task What_was_acknowledged_survives_ten_leaders()
    {
        const int kills = 10;
        const int writes = 100;
        await using var group = await StartAsync("e2e-kill");
        for (var i = 1; i <= kills; i++)
        {
            await group.WritesAsync(writes);
            var (key, gap) = await group.KillLeaderAsync();
            Write($"leader {i} killed after {group.Acknowledged} writes: next commit after {gap.TotalMilliseconds:F0} ms");
            // The same process without its memory, or now and then a stranger: both take the place of the one that was killed.
            await group.StartAsync(i % 5 == 0 ? null : key);
            await group.CompleteAsync();
        }

        await EndAsync(group, writes);
    }

    [Fact]
    public async Task Nothing_is_lost_and_nobody_waits_for_long_when_all_are_restarted_one_after_the_other()
    {
        const int writes = 100;
        // Nobody leads for at most an election, which may come to nothing once: time-outs are 1.5 s at most.
        var longest = TimeSpan.FromSeconds(6);
        await using var group = await StartAsync("e2e-rolling");
        await group.WritesAsync(writes);
        await group.RestartAllAsync();
        await EndAsync(group, writes);
        Write($"{group.Acknowledged} writes, longest time without a commit {group.LongestGap.TotalMilliseconds:F0} ms");
        Assert.InRange(group.LongestGap, TimeSpan.Zero, longest);
    }

    private static async Task<GroupProcesses> StartAsync(string name)
    {
        var group = new GroupProcesses($"{name}-{Guid.NewGuid()}", Replicas);
        for (var i = 0; i < Replicas; i++)
            await group.StartAsync();
        await group.CompleteAsync();
        return group;
    }

    private static async Task EndAsync(GroupProcesses group, int writes)
    {
        await group.WritesAsync(writes);
        Assert.Empty(await group.StopAndJudgeAsync());
        Write($"{group.Acknowledged} writes and {group.Reads} strong reads are in one order");

        // Every client reads after each of its writes; without reads the order of the writes alone would have been judged.
        Assert.InRange(group.Reads, group.Acknowledged / 2, int.MaxValue);
        Assert.All(await group.LeaveAsync(), static code => Assert.Equal(0, code));
    }

    private static void Write(string line) => TestContext.Current.TestOutputHelper?.WriteLine(line);
}
