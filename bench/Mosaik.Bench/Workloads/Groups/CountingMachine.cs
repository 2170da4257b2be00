using Mosaik.Groups;
using Mosaik.Primitives;

namespace Mosaik.Bench.Workloads.Groups;

/// <summary>Counts its commands, whatever they are.</summary>
[WireName("mosaik_bench::Counting")]
internal sealed class CountingMachine : IStateMachine<byte[], Unit, long>, IResettable
{
    private long _count;

    public UniqueId Signature => UniqueId.From("bench counting 1");

    public void Apply(byte[] command, in ApplyContext context) => _count++;

    public long Query(Unit query) => _count;

    public void Reset() => _count = 0;
}
