namespace Mosaik.EndToEnd.Tests;

/// <summary>Five replicas as five processes; the leader is killed again and again under load (spec/groups-safety.md §7).</summary>
public sealed class KilledLeaderTests
{
    [Fact]
    public async Task What_was_acknowledged_survives_the_leaders()
    {
        const int replicas = 5;
        const int kills = 3;
        const int writes = 300;
        await using var group = new GroupProcesses($"e2e-kill-{Guid.NewGuid()}", replicas);
        for (var i = 0; i < replicas; i++)
            await group.StartAsync();
        await group.CompleteAsync();

        for (var i = 0; i < kills; i++)
        {
            await group.WritesAsync(writes);
            var gap = await group.KillLeaderAsync();
            TestContext.Current.TestOutputHelper?.WriteLine(
                $"leader {i + 1} killed after {group.Acknowledged.Count} writes: next commit after {gap.TotalMilliseconds:F0} ms");
            await group.StartAsync(); // takes the place of the one that was killed
            await group.CompleteAsync();
        }

        await group.WritesAsync(writes);

        foreach (var all in await group.StopAndReadAsync())
        {
            Assert.Empty(group.Acknowledged.Except(all));
            Assert.Equal(all.Count, all.Distinct(StringComparer.Ordinal).Count());
        }

        Assert.Empty(group.Violations);
        Assert.All(await group.LeaveAsync(), static code => Assert.Equal(0, code));
    }
}
