namespace Mosaik.Discovery;

/// <summary>What a valid departure leads to (spec/discovery.md §12.1).</summary>
internal enum DepartureDecision
{
    /// <summary>Its time is too far from ours.</summary>
    Dropped,

    /// <summary>It speaks of an older run, or is older than what is known.</summary>
    Ignored,

    /// <summary>Nothing is stored of the peer; the departure is remembered.</summary>
    TombstoneOnly,

    /// <summary>The stored entry is removed and the departure remembered.</summary>
    Removed,
}
