using Mosaik.Groups;
using Mosaik.Primitives;
using PolyType;

namespace Mosaik.Tests.Groups.Book;

[GenerateShape]
[DerivedTypeShape(typeof(Increment), Tag = 0)]
[DerivedTypeShape(typeof(Decrement), Tag = 1)]
internal abstract partial record CounterCommand
{
    internal sealed record Increment(uint By) : CounterCommand;

    internal sealed record Decrement(uint By) : CounterCommand;
}

internal sealed class BookCounter : IStateMachine<CounterCommand, Unit, long>, IResettable
{
    private long _value;

    // Part of the group's id: change it whenever the meaning of commands changes.
    public UniqueId Signature => UniqueId.From("counter v1");

    public void Apply(CounterCommand command, in ApplyContext context) => _value = command switch
    {
        CounterCommand.Increment(var by) => _value + by,
        CounterCommand.Decrement(var by) => _value - by,
        _ => _value,
    };

    public long Query(Unit query) => _value;

    // Needed when committed entries are taken back; the alternative is Join(key, () => new BookCounter()).
    public void Reset() => _value = 0;
}
