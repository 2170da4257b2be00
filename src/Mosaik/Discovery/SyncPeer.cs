namespace Mosaik.Discovery;

/// <summary>What a <see cref="SyncTable"/> remembers of one peer.</summary>
internal sealed class SyncPeer
{
    private TimeSpan _persistUntil; // named by the user, who expects it to be found until then

    public SyncPhase Phase { get; private set; }

    /// <summary>Failures since the last success.</summary>
    public int Failures { get; set; }

    /// <summary>When the last attempt failed.</summary>
    public TimeSpan LastAttempt { get; set; }

    /// <summary>When the last sync, in either direction, succeeded.</summary>
    public TimeSpan SyncedAt { get; set; }

    /// <summary>A connection was lost since the last sync, and another sync is planned.</summary>
    public bool IsLost { get; set; }

    /// <summary>The peer was there and is missed: it is looked for.</summary>
    public bool IsMissing { get; set; }

    /// <summary>Another sync is to follow the running one.</summary>
    public bool Again { get; set; }

    /// <summary>Somebody has named the peer: the configuration, the user, or gossip as a neighbour.</summary>
    public bool IsNamed { get; private set; }

    /// <summary>The configuration names the peer.</summary>
    public bool IsBootstrap { get; private set; }

    /// <summary>Grows with every change, so that what was planned for an earlier phase is recognised.</summary>
    public int Generation { get; private set; }

    /// <summary>Whether the peer is looked for although the catalog does not hold it.</summary>
    public bool IsPersistent(TimeSpan now) => IsBootstrap || IsMissing || now < _persistUntil;

    /// <summary>Makes everything planned so far void.</summary>
    public void Enter(SyncPhase phase)
    {
        Phase = phase;
        Generation++;
    }

    /// <summary>A planned sync starts: what else is planned stays.</summary>
    public void Begin() => Phase = SyncPhase.Syncing;

    /// <summary>Makes everything planned so far void; the phase stays.</summary>
    public void Replan() => Generation++;

    public void Remember(SyncReason reason, TimeSpan now, TimeSpan persistFor)
    {
        IsNamed |= reason != SyncReason.Learnt;
        IsBootstrap |= reason == SyncReason.Bootstrap;
        if (reason == SyncReason.Dialled)
            _persistUntil = now + persistFor;
    }
}
