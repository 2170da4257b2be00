using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>The outbound syncs of a <see cref="SyncTable"/> that run, and how many there are of each kind.</summary>
internal sealed class RunningSyncs
{
    private readonly Dictionary<PeerId, List<RunningSync>> _byPeer = [];
    private readonly Dictionary<long, RunningSync> _byId = [];
    private long _lastId;

    /// <summary>How many run in the background.</summary>
    public int Background { get; private set; }

    /// <summary>How many of <see cref="SyncKind.Refresh"/>.</summary>
    public int Refreshing { get; private set; }

    /// <summary>How many of <see cref="SyncKind.Learnt"/>.</summary>
    public int Learning { get; private set; }

    /// <summary>How many of <see cref="SyncKind.Sought"/>.</summary>
    public int Seeking { get; private set; }

    /// <summary>How many run with a peer.</summary>
    public int CountOf(PeerId peer) => Of(peer).Count;

    /// <summary>The one that began last with a peer; null if there is none.</summary>
    public RunningSync? LatestOf(PeerId peer) => Of(peer) is [.., var latest] ? latest : null;

    /// <summary>One with a peer whose snapshot is not on its way yet; null if there is none.</summary>
    public RunningSync? JoinableOf(PeerId peer) => Of(peer).FindLast(static sync => !sync.IsSent);

    /// <summary>The sync of a number; null if it has ended.</summary>
    public RunningSync? Find(long id) => _byId.GetValueOrDefault(id);

    /// <summary>A sync begins.</summary>
    public SyncStart Start(PeerId peer, SyncKind kind, bool isBackground)
    {
        var sync = new RunningSync(++_lastId, peer, kind);
        Count(kind, 1);
        if (!_byPeer.TryGetValue(peer, out List<RunningSync>? running))
            _byPeer[peer] = running = [];
        running.Add(sync);
        _byId[sync.Id] = sync;
        if (isBackground)
            MoveToBackground(sync);
        return new SyncStart(sync.Id, peer, IsNew: true);
    }

    /// <summary>From now on the sync counts as a background sync, whoever asked for it first.</summary>
    public void MoveToBackground(RunningSync sync)
    {
        if (!sync.IsBackground)
            Background++;
        sync.IsBackground = true;
    }

    /// <summary>A sync has ended; null if it was not running.</summary>
    public RunningSync? End(long id)
    {
        if (!_byId.Remove(id, out RunningSync? sync))
            return null;
        List<RunningSync> running = Of(sync.Peer);
        running.Remove(sync);
        if (running.Count == 0)
            _byPeer.Remove(sync.Peer);
        if (sync.IsBackground)
            Background--;
        Count(sync.Kind, -1);
        return sync;
    }

    private void Count(SyncKind kind, int change)
    {
        switch (kind)
        {
            case SyncKind.Refresh:
                Refreshing += change;
                break;
            case SyncKind.Learnt:
                Learning += change;
                break;
            case SyncKind.Sought:
                Seeking += change;
                break;
        }
    }

    private List<RunningSync> Of(PeerId peer) => _byPeer.GetValueOrDefault(peer) ?? [];
}
