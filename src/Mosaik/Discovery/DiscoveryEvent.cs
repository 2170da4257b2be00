using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>Something happened to what this node knows of its peers (spec/discovery.md §13).</summary>
/// <remarks>
/// The catalog already contains the change when an event is handled. Events of one peer come in the order of the
/// changes.
/// </remarks>
public abstract record DiscoveryEvent
{
    private protected DiscoveryEvent()
    {
    }

    /// <summary>A peer became known.</summary>
    /// <param name="Entry">Its entry.</param>
    /// <param name="Signed">The same, signed by the peer; null if it was put in locally.</param>
    public sealed record PeerDiscovered(PeerEntry Entry, SignedPeerEntry? Signed) : DiscoveryEvent;

    /// <summary>A peer is known by a newer entry.</summary>
    /// <param name="Entry">Its entry.</param>
    /// <param name="Signed">The same, signed by the peer; null if it was put in locally.</param>
    /// <param name="ContentChanged">False for a keep-alive: only version and signature differ.</param>
    public sealed record PeerUpdated(PeerEntry Entry, SignedPeerEntry? Signed, bool ContentChanged) : DiscoveryEvent;

    /// <summary>A peer has left, was not heard of for too long, or was removed.</summary>
    /// <param name="PeerId">The peer.</param>
    public sealed record PeerDeparted(PeerId PeerId) : DiscoveryEvent;

    /// <summary>The subscriber fell behind; the oldest events were dropped.</summary>
    /// <param name="Missed">How many.</param>
    public sealed record Lagged(long Missed) : DiscoveryEvent;
}
