namespace Mosaik.Groups;

/// <summary>What became of commands whose call failed (spec/groups.md §7.4).</summary>
public enum OfflineOutcome
{
    /// <summary>They never left this node: the call can be repeated.</summary>
    NotSubmitted,

    /// <summary>They may be in the log, or get there: a repeated call can execute them twice.</summary>
    Unknown,

    /// <summary>They are not in the log and never will be.</summary>
    Lost,
}
