using System.Diagnostics;
using System.Net;
using Mosaik.Bench.Contracts;
using Mosaik.Bench.Contracts.Consensus;
using Mosaik.Groups;

namespace Mosaik.Bench.Workloads.Groups;

/// <summary>Our member in R4. It is asked whether it leads, or to write until something is committed under another leader.</summary>
internal sealed class GroupFailoverMember : INodeRole
{
    /// <summary>Asks whether it leads: one operation = yes. Answered when the group is complete.</summary>
    public static readonly NodeMeasure WhoLeads = new(0, 1, 1);

    /// <summary>
    /// Asks it to write until there was a commit under another leader. The answer's seconds are the stopwatch of the machine
    /// at that moment.
    /// </summary>
    public static readonly NodeMeasure WriteUntilNext = new(0, 1, 2);

    private const int CommandSize = 63;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);

    private readonly byte[] _command = new byte[CommandSize];
    private BenchGroup? _member;

    public async Task<NodeReady> StartAsync(NodeStart start)
    {
        IPEndPoint[] all = [.. start.Key.Split(' ').Select(IPEndPoint.Parse)];
        _member = await BenchGroup.StartAsync(IPEndPoint.Parse(start.Address), all, ConsensusPlan.Parse(start.Variant));
        return new NodeReady(start.Address, "");
    }

    public async Task<NodeMeasured> MeasureAsync(NodeMeasure measure)
    {
        var group = _member!.Group; // it has been started
        if (measure == WriteUntilNext)
            return new NodeMeasured(1, await NextCommitAsync(group), new Resources(), null);
        await group.When.RosterComplete();
        return new NodeMeasured(group.IsLeader ? 1 : 0, 1, new Resources(), null);
    }

    public ValueTask DisposeAsync() => _member?.DisposeAsync() ?? ValueTask.CompletedTask;

    private async Task<double> NextCommitAsync(Group<byte[], Unit, long> group)
    {
        var before = group.Leader;
        while (true)
        {
            try
            {
                await group.ExecuteAsync(_command);
                if (group.Leader != before)
                    return Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;
            }
            catch (GroupOfflineException)
            {
                await Task.Delay(Pause);
            }
        }
    }
}
