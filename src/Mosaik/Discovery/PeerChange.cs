using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>How the catalog's view of a peer changed.</summary>
internal enum PeerChangeKind
{
    /// <summary>The peer became visible.</summary>
    Added,

    /// <summary>The peer is known by another entry.</summary>
    Updated,

    /// <summary>The peer is gone.</summary>
    Removed,
}

/// <summary>One change of the catalog, from which events, notifications and deltas are made.</summary>
/// <param name="Id">The peer.</param>
/// <param name="Kind">What happened.</param>
/// <param name="Old">Its entry before; null if it was not visible.</param>
/// <param name="New">Its entry now; null if it is gone.</param>
/// <param name="Signed">The signed form of the new entry; null if it is unsigned.</param>
/// <param name="ContentChanged">Whether more than version and signature changed.</param>
internal sealed record PeerChange(
    PeerId Id, PeerChangeKind Kind, PeerEntry? Old, PeerEntry? New, SignedPeerEntry? Signed, bool ContentChanged)
{
    /// <summary>Whether a signed entry is gone because it was not refreshed in time.</summary>
    public bool IsPurge { get; init; }

    public static PeerChange Added(PeerEntry entry, SignedPeerEntry? signed) =>
        new(entry.Id, PeerChangeKind.Added, null, entry, signed, ContentChanged: true);

    public static PeerChange Updated(PeerEntry old, PeerEntry entry, SignedPeerEntry? signed) =>
        new(entry.Id, PeerChangeKind.Updated, old, entry, signed, !old.ContentEquals(entry));

    public static PeerChange Removed(PeerEntry old) => new(old.Id, PeerChangeKind.Removed, old, null, null, ContentChanged: true);
}
