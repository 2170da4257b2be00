namespace Mosaik.Groups;

/// <summary>Whether a group still works on this node.</summary>
public enum GroupState
{
    /// <summary>It does.</summary>
    Running,

    /// <summary>
    /// Committed entries had to be taken back and the machine could not be rebuilt: offline until the group is left
    /// (spec/groups.md §6.9).
    /// </summary>
    Diverged,

    /// <summary>It has ended: it was left, it failed, or the node stops.</summary>
    Terminated,
}
