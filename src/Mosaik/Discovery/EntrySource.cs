using System.Runtime.InteropServices;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>Where offered entries come from, as far as it makes a difference.</summary>
/// <param name="Learns">Whether a peer that is new or updated is observed, which may start a sync with it.</param>
/// <param name="SyncingPeer">The peer whose sync we are serving: there is no need to sync with it as well.</param>
/// <param name="SyncId">Our own sync whose answer it is.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct EntrySource(bool Learns, PeerId? SyncingPeer, long? SyncId)
{
    /// <summary>The user, or another subsystem: starts no sync (spec/discovery.md §6.6).</summary>
    public static EntrySource Feed => default;

    /// <summary>The answer to our own sync.</summary>
    public static EntrySource OwnSync(long syncId) => new(Learns: true, null, syncId);

    /// <summary>An announcement.</summary>
    public static EntrySource Gossip => new(Learns: true, null, null);

    /// <summary>A sync that a peer has opened.</summary>
    public static EntrySource InboundSync(PeerId peer) => new(Learns: true, peer, null);
}
