using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>How a member that lags behind catches up (spec/groups.md §11).</summary>
public interface IStateSync
{
    /// <summary>Identity of the method and its options; part of the group's id. Must not change after joining.</summary>
    UniqueId Signature { get; }
}
