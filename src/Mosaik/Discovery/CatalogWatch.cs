using System.Collections.Immutable;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Discovery;

/// <summary>
/// One watcher of the catalog: gathers which peers changed until the watcher looks again (spec/discovery.md §13).
/// </summary>
/// <remarks>The cost of a change is that of the change; snapshots are never compared.</remarks>
internal sealed class CatalogWatch
{
    private readonly Lock _lock = new();
    private readonly Signal _signal;
    private readonly CatalogState _initial;
    private readonly Dictionary<PeerId, PeerChangeKind> _changes = [];
    private CatalogState _state;
    private bool _local;
    private bool _ended;

    /// <summary>Begins to watch; what is in the state is not news.</summary>
    public CatalogWatch(CatalogState initial, TaskScheduler scheduler)
    {
        _initial = _state = initial;
        _signal = new Signal(scheduler);
    }

    /// <summary>Changes of the catalog and the state that contains them.</summary>
    public void Post(IReadOnlyList<PeerChange> changes, CatalogState state)
    {
        lock (_lock)
        {
            _state = state;
            if (changes.Count == 0)
                return;
            foreach (PeerChange change in changes)
                Gather(change);
        }
        _signal.Set();
    }

    /// <summary>The own entry changed.</summary>
    public void PostLocal()
    {
        lock (_lock)
            _local = true;
        _signal.Set();
    }

    public void End()
    {
        lock (_lock)
            _ended = true;
        _signal.Set();
    }

    /// <summary>The first update: everything there was when the watch began.</summary>
    public CatalogUpdate First(Func<CatalogState, Catalog> toCatalog)
    {
        Catalog catalog = toCatalog(_initial);
        return new CatalogUpdate(catalog, [.. catalog.Peers.Select(static p => p.Id)], [], []);
    }

    /// <summary>Waits for changes since the last time; null when there will be none any more.</summary>
    public async ValueTask<CatalogUpdate?> NextAsync(
        Func<CatalogState, Catalog> toCatalog, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (TryTake(toCatalog, out CatalogUpdate? update, out bool ended))
                return update;
            if (ended)
                return null;
            await _signal.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private bool TryTake(Func<CatalogState, Catalog> toCatalog, out CatalogUpdate? update, out bool ended)
    {
        CatalogState state;
        ImmutableSortedSet<PeerId> added, updated, removed;
        lock (_lock)
        {
            update = null;
            ended = _ended;
            if (!_local && _changes.Count == 0)
                return false;
            state = _state;
            (added, updated, removed) = (Of(PeerChangeKind.Added), Of(PeerChangeKind.Updated), Of(PeerChangeKind.Removed));
            _changes.Clear();
            _local = false;
        }
        update = new CatalogUpdate(toCatalog(state), added, updated, removed); // signs the own entry outside of the lock
        return true;
    }

    private ImmutableSortedSet<PeerId> Of(PeerChangeKind kind) =>
        [.. _changes.Where(c => c.Value == kind).Select(static c => c.Key)];

    private void Gather(PeerChange change)
    {
        bool changedBefore = _changes.TryGetValue(change.Id, out PeerChangeKind before);
        if (!changedBefore)
        {
            _changes[change.Id] = change.Kind;
            return;
        }
        switch (before, change.Kind)
        {
            case (PeerChangeKind.Added, PeerChangeKind.Removed):
                _changes.Remove(change.Id); // the watcher never saw it
                break;
            case (PeerChangeKind.Removed, PeerChangeKind.Added):
                _changes[change.Id] = PeerChangeKind.Updated;
                break;
            case (PeerChangeKind.Updated, PeerChangeKind.Removed):
                _changes[change.Id] = PeerChangeKind.Removed;
                break;
        }
    }
}
