using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>
/// The state of this node cannot be trusted: committed entries had to be taken back, and the machine could not be rebuilt
/// (spec/groups.md §6.9). Leave the group and join again.
/// </summary>
public sealed class GroupDivergedException : MosaikException
{
    internal GroupDivergedException(GroupId group, LogCursor verified)
        : base($"Group {group:S} has diverged on this node; its state is right up to {verified} only.")
    {
        GroupId = group;
        Verified = verified;
    }

    /// <summary>The group.</summary>
    public GroupId GroupId { get; }

    /// <summary>The last entry that this node has in common with the leader.</summary>
    public LogCursor Verified { get; }
}
