namespace Mosaik.Groups.Raft;

/// <summary>Whether the core still works.</summary>
internal enum RaftState
{
    /// <summary>It does.</summary>
    Running,

    /// <summary>
    /// The log had to be rewound and the machine could not be rebuilt: offline until the group is left (spec/groups.md §6.9).
    /// </summary>
    Diverged,

    /// <summary>An invariant broke; the owner ends the group.</summary>
    Terminated,
}
