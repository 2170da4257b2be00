namespace Mosaik.Discovery;

/// <summary>What a sync is for, as far as the number of those that run at once depends on it.</summary>
internal enum SyncKind
{
    /// <summary>With a peer that somebody has named, or on request.</summary>
    Named,

    /// <summary>Keeps the own entry fresh at a peer.</summary>
    Refresh,

    /// <summary>With a peer learnt second-hand.</summary>
    Learnt,

    /// <summary>Looks whether a peer that is missed is there again.</summary>
    Sought,
}
