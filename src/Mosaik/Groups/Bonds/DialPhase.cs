namespace Mosaik.Groups.Bonds;

/// <summary>Where a node is with a peer it wants to be bonded with.</summary>
internal enum DialPhase
{
    /// <summary>No dial is under way or planned.</summary>
    Idle,

    /// <summary>The peer has the smaller id and gets the first chance.</summary>
    Delayed,

    /// <summary>A dial is in flight.</summary>
    Dialling,

    /// <summary>There is a bond.</summary>
    Bonded,

    /// <summary>A dial failed or a bond was lost.</summary>
    Backoff,
}
