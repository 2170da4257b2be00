using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>The group has ended on this node: it was left, the node stops, or something failed (the inner exception).</summary>
public sealed class GroupTerminatedException : MosaikException
{
    internal GroupTerminatedException(GroupId group, string reason, Exception? cause = null)
        : base($"Group {group:S} has ended on this node: {reason}", cause) => GroupId = group;

    /// <summary>The group.</summary>
    public GroupId GroupId { get; }
}
