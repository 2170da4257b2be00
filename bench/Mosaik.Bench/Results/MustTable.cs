using Mosaik.Bench.Workloads;

namespace Mosaik.Bench.Results;

/// <summary>The keys of all ratios that a complete run must show, from the catalog's targets.</summary>
internal static class MustTable
{
    public static IEnumerable<string> Expected() =>
        from workload in Catalog.All
        from variant in workload.Variants
        let placement = workload.Placements[0]
        from peer in workload.Peers(variant).Select(static make => make().Name)
        where workload.Targets(variant, peer) is not null
        select $"{workload.Id} {variant} {peer} {workload.Metric} {(placement == Contracts.Placement.Pinned ? "pinned" : "free")} {workload.Processes}";
}
