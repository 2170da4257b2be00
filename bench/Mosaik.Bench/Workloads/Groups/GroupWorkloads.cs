using Mosaik.Bench.Contracts;
using Mosaik.Bench.Contracts.Consensus;
using Mosaik.Bench.Peers.Consensus;
using Mosaik.Bench.Peers.Messaging;

namespace Mosaik.Bench.Workloads.Groups;

/// <summary>R1 to R4 of spec/performance.md §7.3. Ours is Majority(n) unless the variant says <c>available</c>.</summary>
internal static class GroupWorkloads
{
    private const string Rate = "1/s";
    private const string Time = "us";

    // Feeding waits for nothing: this many commands under way are enough that it never does.
    private const string FeedVariant = ",inflight=4096,feed";

    public static IReadOnlyList<Workload> All { get; } = [R1(), R2(), R3(), R4()];

    public static INodeRole? CreateRole(string name) => name switch
    {
        "group-member" => new GroupBenchMember(),
        "group-failover" => new GroupFailoverMember(),
        _ => null,
    };

    private static Workload R1() => new(
        "R1", "groups, execute on the leader, one at a time", "p50", ["n=3", "n=1", "n=5", "n=3,available"], 2,
        [Placement.Free])
    {
        QuickVariants = ["n=3"],
        Ours = static variant => Ours(variant, Time),
        Peers = static variant => Peers(variant, Time, "dotnext"),
        // "≤ k × the peer's time" is stored as a ratio of at least 1/k (B1).
        Targets = static (variant, peer) => (variant, peer) switch
        {
            ("n=3", "dotnext") => new Target(1 / 4.0, 1 / 2.0),
            ("n=3", "etcd") => new Target(1, null),
            _ => null,
        },
        Floor = "udp-round-trip",
    };

    private static Workload R2() => new(
        "R2", "groups, execute on the leader, many in flight", "rate",
        ["n=3,inflight=128", "n=3,inflight=16", "n=3,inflight=1024", "n=3,inflight=128,available"], 2, [Placement.Free])
    {
        QuickVariants = ["n=3,inflight=128"],
        Ours = static variant => Ours(variant, Rate),
        Peers = static variant => Peers(variant, Rate, "dotnext", "dotnext-log"),
        Targets = static (variant, peer) => (variant, peer) switch
        {
            ("n=3,inflight=128", "etcd") => new Target(5, null),
            ("n=3,inflight=128", "dotnext-log") => new Target(1, null),
            ("n=3,inflight=128", "dotnext") => new Target(0, 0.5),
            _ => null,
        },
    };

    private static Workload R3() => new(
        "R3", "groups, feed, pipelined; commits counted", "rate",
        ["size=32", "size=256", "size=4096", "size=32,available"], 2, [Placement.Free])
    {
        QuickVariants = ["size=32"],
        Ours = static variant => Ours(variant + FeedVariant, Rate),
        Peers = static variant => [DotNext("dotnext", WithoutProfile(variant) + ",inflight=128", Rate)],
        Targets = static (variant, _) => variant == "size=32" ? new Target(0.3, 1) : null,
    };

    private static Workload R4() => new(
        "R4", "groups, the leader is killed: time to the next commit", "p99", ["n=3"], 2, [Placement.Free])
    {
        Ours = static variant => new GroupFailoverSide(variant) { IsEncrypted = true },
        Peers = static _ =>
        [
            static () => new ElectionLimit(),
            static () => new EtcdFailoverSide { Missing = Brokers.WhyMissing("etcd") },
        ],
        // The limit is for the 99th of a hundred kills: every round has to meet it.
        JudgesWorstRound = true,
        Targets = static (_, peer) => peer == "election-limit" ? new Target(1, null) : new Target(0, 1),
    };

    private static ClusterSide Ours(string variant, string metric) =>
        new("mosaik", "group-member", variant, ConsensusPlan.Parse(variant).Members, metric, Catalog.CreateRole)
        {
            IsEncrypted = true,
        };

    private static List<Func<IWorkloadSide>> Peers(string variant, string metric, params IEnumerable<string> dotNext)
    {
        var plain = WithoutProfile(variant);
        List<Func<IWorkloadSide>> peers = [.. dotNext.Select(name => DotNext(name, plain, metric))];
        // bench/peers.sh starts three members.
        if (ConsensusPlan.Parse(variant).Members == 3)
        {
            peers.Add(() => new ClusterSide("etcd", "etcd-client", plain, 1, metric, Catalog.CreateRole)
            {
                Missing = Brokers.WhyMissing("etcd"),
            });
        }

        return peers;
    }

    private static Func<IWorkloadSide> DotNext(string name, string variant, string metric) => () => new ClusterSide(
        name, "dotnext-member", name == "dotnext-log" ? variant + ",log" : variant, ConsensusPlan.Parse(variant).Members, metric,
        Catalog.CreateRole);

    private static string WithoutProfile(string variant) => variant.Replace(",available", "", StringComparison.Ordinal);
}
