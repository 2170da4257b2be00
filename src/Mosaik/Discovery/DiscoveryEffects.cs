using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// What the owner of a <see cref="DiscoveryCore"/> has to do after an input. Taken and cleared by it.
/// </summary>
internal sealed class DiscoveryEffects
{
    /// <summary>Changes of the catalog, in order; the published state contains them.</summary>
    public List<PeerChange> Changes { get; } = [];

    /// <summary>Whether a new state was published.</summary>
    public bool Published { get; set; }

    /// <summary>Peers whose smoothed round-trip time has changed.</summary>
    public List<PeerId> Rtts { get; } = [];

    /// <summary>Where peers were that are looked for: for who dials them, should nobody else know.</summary>
    public List<EndpointAddress> Recalled { get; } = [];

    /// <summary>Background syncs to start.</summary>
    public List<SyncStart> Syncs { get; } = [];

    /// <summary>Peers to ping.</summary>
    public List<PeerId> Probes { get; } = [];

    /// <summary>The own entry, as published last, is to be broadcast.</summary>
    public bool Announce { get; set; }

    /// <summary>Peers that gossip is to join.</summary>
    public List<PeerId> Joins { get; } = [];

    /// <summary>The own entry is to be refreshed.</summary>
    public bool Restamp { get; set; }

    /// <summary>The wall clock was put forward: the own entry is to begin anew at the time it shows now.</summary>
    public bool BeginRun { get; set; }

    /// <summary>The own entry is to move past this version.</summary>
    public PeerVersion? Overtake { get; set; }

    /// <summary>Somebody else signs with our key.</summary>
    public PeerVersion? IdentityConflict { get; set; }

    /// <summary>What became of entries, for the counters.</summary>
    public List<(PeerId Id, UpsertResult Result)> Results { get; } = [];

    /// <summary>Signed entries that are gone, for the counter.</summary>
    public int SignedDepartures { get; set; }

    public void Clear()
    {
        Changes.Clear();
        Published = false;
        Rtts.Clear();
        Recalled.Clear();
        Syncs.Clear();
        Probes.Clear();
        Announce = false;
        Joins.Clear();
        Restamp = false;
        BeginRun = false;
        Overtake = null;
        IdentityConflict = null;
        Results.Clear();
        SignedDepartures = 0;
    }
}
