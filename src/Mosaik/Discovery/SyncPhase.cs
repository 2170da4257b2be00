namespace Mosaik.Discovery;

/// <summary>
/// Where a peer is in the state machine of <see cref="SyncTable"/>; Unknown is the absence of a state.
/// </summary>
internal enum SyncPhase
{
    /// <summary>A new neighbour, whose entry should come by itself.</summary>
    Expected,

    /// <summary>A sync is to start when there is room for it.</summary>
    Queued,

    /// <summary>A background sync runs.</summary>
    Syncing,

    /// <summary>Both catalogs were merged, or the peer was passed over.</summary>
    Synced,

    /// <summary>The last attempt has failed.</summary>
    Failed,
}
