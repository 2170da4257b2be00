using Mosaik.Groups.Sync;

namespace Mosaik.Groups;

/// <summary>A state sync that brings its own protocol instead of log replay: one scheme per join (spec/groups.md §11.1).</summary>
internal interface ISyncSchemeSource : IStateSync
{
    /// <summary>The protocol of this node in one group.</summary>
    ISyncScheme CreateScheme();
}
