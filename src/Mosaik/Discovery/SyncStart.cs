using System.Runtime.InteropServices;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>A sync to run or to join.</summary>
/// <param name="SyncId">Its number.</param>
/// <param name="Peer">With whom.</param>
/// <param name="IsNew">True to run it, false to join it.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct SyncStart(long SyncId, PeerId Peer, bool IsNew);

/// <summary>How a sync ended.</summary>
internal enum SyncOutcome
{
    /// <summary>Both catalogs are merged.</summary>
    Succeeded,

    /// <summary>It did not work this time.</summary>
    Failed,

    /// <summary>The peer belongs to another network.</summary>
    DifferentNetwork,
}
