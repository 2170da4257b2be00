namespace Mosaik.Discovery;

/// <summary>Why a peer was observed: decides how soon a sync with it starts (spec/discovery.md §11.2).</summary>
internal enum SyncReason
{
    /// <summary>Learnt second-hand; paced, in random order.</summary>
    Learnt,

    /// <summary>A direct neighbour without entry; not paced.</summary>
    Neighbour,

    /// <summary>Named by the user; not paced, and retried for a while although nothing is known of it.</summary>
    Dialled,

    /// <summary>Named by the configuration; not paced, and retried for ever.</summary>
    Bootstrap,
}
