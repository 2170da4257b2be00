using System.Globalization;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Simulation.Raft;

/// <summary>
/// The world <c>raft</c>: consensus cores under every order of events (spec/groups-safety.md §9, §10); with a setting, as in
/// <c>raft/5/majority:5/all</c>.
/// </summary>
internal sealed class RaftWorldKind(int? nodes, int? voters, RaftFaults faults) : IWorld
{
    private const string Prefix = "raft";
    private const string Available = "available";
    private const string Majority = "majority:";
    private const int RecentChanges = 30;
    private const int RecentLines = 40;

    /// <summary>Any number of nodes, either profile, any faults.</summary>
    public static RaftWorldKind Any { get; } = new(null, null, RaftFaults.All);

    public string Name => nodes is { } count ? string.Create(CultureInfo.InvariantCulture,
        $"{Prefix}/{count}/{(voters > 0 ? Majority + voters : Available)}/{faults.ToString().ToLowerInvariant()}") : Prefix;

    public int Plan => RaftPlan.Version;

    public string Summary => "consensus cores, 2-5 of them or raft/N/available|majority:n/none|churn|restarts|all; I1 to I24";

    /// <summary>The world of a name, if it is one of these.</summary>
    public static RaftWorldKind? Find(string name)
    {
        string[] parts = name.Split('/');
        return parts switch
        {
            [Prefix] => Any,
            [Prefix, var count, var safety, var wrong] => Find(count, safety, wrong),
            _ => null,
        };
    }

    /// <summary>The world of these settings; null when one of them is none.</summary>
    public static RaftWorldKind? Find(string nodes, string safety, string faults)
    {
        if (!int.TryParse(nodes, NumberStyles.None, CultureInfo.InvariantCulture, out int count) || count is < 1 or > 15)
            return null;
        int voters = 0;
        if (safety.StartsWith(Majority, StringComparison.Ordinal))
        {
            if (!int.TryParse(safety.AsSpan(Majority.Length), NumberStyles.None, CultureInfo.InvariantCulture, out voters)
                || voters < 1 || voters > count)
                return null;
        }
        else if (safety != Available)
        {
            return null;
        }

        return Enum.TryParse(faults, ignoreCase: true, out RaftFaults wrong) && Enum.IsDefined(wrong)
            ? new RaftWorldKind(count, voters, wrong) : null;
    }

    public RunResult Run(ulong seed, RunOptions options)
    {
        var world = new RaftWorld(seed, nodes, voters, faults, options);
        Violation? violation = null;
        try
        {
            world.Run();
        }
        catch (InvariantViolationException e)
        {
            violation = new Violation(e.Invariant, e.Detail, world.Recent(RecentChanges, RecentLines));
        }
        catch (ClusterException e)
        {
            violation = new Violation("CLUSTER", e.Message, world.Recent(RecentChanges, RecentLines));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            violation = new Violation("I18", e.ToString(), world.Recent(RecentChanges, RecentLines));
        }

        return new RunResult(seed, world.Oracle.Step, world.VirtualTime, world.Hash, world.Faults, violation) { Notes = [world.Note] };
    }
}
