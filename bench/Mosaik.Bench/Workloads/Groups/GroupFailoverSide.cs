using System.Diagnostics;
using Mosaik.Bench.Contracts;
using Mosaik.Bench.Contracts.Consensus;

namespace Mosaik.Bench.Workloads.Groups;

/// <summary>Our side of R4: three members as processes, the one that leads is killed.</summary>
internal sealed class GroupFailoverSide(string variant) : FailoverSide("mosaik")
{
    private readonly List<Member> _members = [];
    private Member? _killed;

    public override async ValueTask StartAsync(RunPlan plan)
    {
        var addresses = ClusterSide.FreeAddresses(ConsensusPlan.Parse(variant).Members);
        foreach (var address in addresses)
            _members.Add(new Member(Launch(), new NodeStart(address, string.Join(' ', addresses), 1, 0) { Variant = variant }));
        await Task.WhenAll(_members.Select(static m => m.Node.StartAsync(m.Start)));
    }

    public override async ValueTask StopAsync()
    {
        await Task.WhenAll(_members.Select(static m => m.Node.DisposeAsync().AsTask()));
        _members.Clear();
    }

    protected override async Task<TimeSpan> KillLeaderAsync()
    {
        var answers = await Task.WhenAll(_members.Select(static m => m.Node.MeasureAsync(GroupFailoverMember.WhoLeads)));
        var leader = _members[Array.FindIndex(answers, static a => a.Operations > 0) is >= 0 and var i
            ? i
            : throw new InvalidDataException("nobody leads")];
        var survivors = _members.Where(m => m != leader).Select(static m => m.Node.MeasureAsync(GroupFailoverMember.WriteUntilNext)).ToList();
        await Task.Delay(TimeSpan.FromMilliseconds(50)); // their clients work
        var killedAt = Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;
        leader.Node.Kill();
        var commits = await Task.WhenAll(survivors);
        await leader.Node.DisposeAsync();
        _killed = leader;
        return TimeSpan.FromSeconds(commits.Min(static c => c.Seconds) - killedAt);
    }

    protected override async Task RestoreAsync()
    {
        var killed = _killed ?? throw new InvalidOperationException("nobody was killed");
        var again = new Member(Launch(), killed.Start);
        _members[_members.IndexOf(killed)] = again;
        await again.Node.StartAsync(again.Start);
    }

    private static NodeProcess Launch() => NodeProcess.Launch("group-failover", core: null);

    private sealed record Member(NodeProcess Node, NodeStart Start);
}
