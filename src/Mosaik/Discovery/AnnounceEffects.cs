using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// What the owner of an <see cref="AnnounceCore"/> has to do after an input. Taken and cleared by it.
/// </summary>
internal sealed class AnnounceEffects
{
    /// <summary>The own entry, as published last, is to be broadcast.</summary>
    public bool Announce { get; set; }

    /// <summary>The own entry is to be refreshed; its publication is then announced.</summary>
    public bool Restamp { get; set; }

    /// <summary>Peers that gossip is to join.</summary>
    public List<PeerId> Joins { get; } = [];

    /// <summary>Neighbours of which nothing is known: a sync with them is due unless there was one.</summary>
    public List<PeerId> Observed { get; } = [];

    /// <summary>Peers to sync with although there was a sync with them.</summary>
    public List<PeerId> Refreshes { get; } = [];

    public void Clear()
    {
        Announce = false;
        Restamp = false;
        Joins.Clear();
        Observed.Clear();
        Refreshes.Clear();
    }
}
