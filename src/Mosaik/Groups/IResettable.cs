namespace Mosaik.Groups;

/// <summary>
/// A state machine that can be brought back to its initial state, which is needed when committed entries are taken back
/// (spec/groups.md §6.9). The alternative is to join with a factory.
/// </summary>
public interface IResettable
{
    /// <summary>Returns to the initial state.</summary>
    void Reset();
}
