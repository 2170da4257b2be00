using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>A machine without state: for groups that only elect a leader.</summary>
[WireName("mosaik::groups::machine::noop::NoOp")]
public sealed class NoOp : IStateMachine<Unit, Unit, Unit>, IResettable
{
    /// <inheritdoc/>
    public UniqueId Signature { get; } = UniqueId.From("mosaik_noop_state_machine");

    /// <inheritdoc/>
    public void Apply(Unit command, in ApplyContext context)
    {
        // There is no state.
    }

    /// <inheritdoc/>
    public Unit Query(Unit query) => default;

    /// <inheritdoc/>
    public void Reset()
    {
        // There is no state.
    }
}
