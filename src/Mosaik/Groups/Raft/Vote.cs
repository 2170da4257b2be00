namespace Mosaik.Groups.Raft;

/// <summary>The answer to a request (spec/groups.md §5).</summary>
internal enum Vote : byte
{
    /// <summary>Yes.</summary>
    Granted = 0,

    /// <summary>No.</summary>
    Denied = 1,

    /// <summary>Neither: do not count me.</summary>
    Abstained = 2,
}
