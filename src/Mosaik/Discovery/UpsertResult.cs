namespace Mosaik.Discovery;

/// <summary>What became of a signed entry that was offered to the catalog (spec/discovery.md §6.3).</summary>
internal enum UpsertResult
{
    /// <summary>It names another network.</summary>
    DifferentNetwork,

    /// <summary>It is about this node itself.</summary>
    Self,

    /// <summary>Its version lies beyond the tolerated clock difference.</summary>
    FromFuture,

    /// <summary>It is older than the staleness horizon.</summary>
    Outdated,

    /// <summary>That run of the peer has departed.</summary>
    Departed,

    /// <summary>The stored one is as new or newer.</summary>
    Rejected,

    /// <summary>Its form or signature is wrong.</summary>
    Invalid,

    /// <summary>The catalog is full of peers that keep themselves fresh (spec/reliability.md §12.1).</summary>
    Full,

    /// <summary>Verifications are scarce, and this one was not worth waiting for (spec/reliability.md §12.1).</summary>
    Throttled,

    /// <summary>The peer was not known by a signed entry; it is now.</summary>
    New,

    /// <summary>It replaced an older one.</summary>
    Updated,
}
