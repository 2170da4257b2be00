using Mosaik.Groups;
using Mosaik.Primitives;
using PolyType;

namespace Mosaik.Tests.Groups;

/// <summary>What the counter is told (spec/groups.md §18).</summary>
[GenerateShape]
[DerivedTypeShape(typeof(Increment), Tag = 0)]
[DerivedTypeShape(typeof(Decrement), Tag = 1)]
internal abstract partial record CounterCommand
{
    internal sealed record Increment(uint By) : CounterCommand;

    internal sealed record Decrement(uint By) : CounterCommand;
}

/// <summary>The counter machine of the conformance tests: i64 with wrapping.</summary>
internal sealed class Counter(int batchSize = 1000) : IStateMachine<CounterCommand, Unit, long>, IResettable
{
    public List<LogIndex> Indices { get; } = [];

    public long Value { get; private set; }

    public UniqueId Signature => UniqueId.FromByte(2);

    public IStateSync StateSync { get; } = new LogReplaySync(typeof(Counter)) { BatchSize = batchSize };

    public LeadershipPreference Preference { get; set; }

    public void Apply(CounterCommand command, in ApplyContext context)
    {
        Indices.Add(new LogIndex(context.Committed.Index.Value + 1));
        Value = command switch
        {
            CounterCommand.Increment(var by) => unchecked(Value + by),
            CounterCommand.Decrement(var by) => unchecked(Value - by),
            _ => throw new InvalidOperationException("no command of the counter"),
        };
    }

    public long Query(Unit query) => Value;

    public void Reset()
    {
        Value = 0;
        Indices.Clear();
    }
}
