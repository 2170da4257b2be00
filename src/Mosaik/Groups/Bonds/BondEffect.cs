using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Groups.Bonds;

/// <summary>What a <see cref="BondTableCore"/> asks its driver to do.</summary>
/// <param name="Peer">The peer.</param>
internal abstract record BondEffect(PeerId Peer)
{
    /// <summary>Connect and shake hands.</summary>
    internal sealed record StartDial(PeerId Peer, long Dial) : BondEffect(Peer);

    /// <summary>A dial is no longer wanted.</summary>
    internal sealed record AbortDial(PeerId Peer, long Dial, CloseCode Code) : BondEffect(Peer);

    /// <summary>A bond is replaced by another one.</summary>
    internal sealed record CloseBond(PeerId Peer, long Bond, CloseCode Code) : BondEffect(Peer);
}
