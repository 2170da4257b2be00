using Mosaik.Primitives;

namespace Mosaik.Discovery;

// Carrying out what the core decided, and publishing the own entry.
internal sealed partial class DiscoveryDriver
{
    private void CarryOut(DiscoveryTime now)
    {
        DiscoveryEffects effects = _core.Effects;
        if (effects.Published)
            Publish(effects.Changes, now);
        if (effects.Rtts.Count > 0)
            Hub.PostRtts(effects.Rtts);
        foreach ((PeerId id, UpsertResult result) in effects.Results)
            OnResult(id, result, now);
        _metrics.OnDeparted(effects.SignedDepartures);
        if (effects.Recalled.Count > 0)
        {
            EndpointAddress[] recalled = [.. effects.Recalled];
            Node.UpdateAddresses((book, at) =>
            {
                foreach (EndpointAddress peer in recalled)
                    book.Recall(peer.Id, peer.Addresses, at);
            });
        }
        foreach (SyncStart start in effects.Syncs)
            Run(start, isBackground: true);
        foreach (PeerId peer in effects.Probes)
            Probe(peer);
        if (effects.Joins.Count > 0)
            _announcer?.Join(effects.Joins);
        if (effects.Announce)
            _announcer?.Announce();
        if (effects.IdentityConflict is { } conflict)
            DiscoveryLog.IdentityConflict(Logger, conflict);
        if (effects.BeginRun)
        {
            DiscoveryLog.ClockPutForward(Logger);
            SignBeside(() => Local.BeginRun(WallMs));
        }
        if (effects.Overtake is { } found)
        {
            DiscoveryLog.Overtaken(Logger, found);
            SignBeside(() => Local.Overtake(found, WallMs));
        }
        else if (effects.Restamp)
        {
            SignBeside(() => Local.Restamp(WallMs));
        }
        effects.Clear();
    }

    private void Publish(IReadOnlyList<PeerChange> changes, DiscoveryTime now)
    {
        CatalogState state = _core.State;
        LearnAddresses(changes);
        Hub.Post(changes, state, published => Volatile.Write(ref _state, published));
        _metrics.SetCatalogSize(state.PeersCountAt(now.WallMs));
        foreach (PeerChange change in changes)
        {
            switch (change.Kind)
            {
                case PeerChangeKind.Added:
                    DiscoveryLog.Discovered(Logger, change.New!); // added ones have an entry
                    break;
                case PeerChangeKind.Updated:
                    DiscoveryLog.Updated(Logger, change.New!); // so have these
                    break;
                default:
                    DiscoveryLog.Departed(Logger, change.Id);
                    break;
            }
        }
    }

    /// <summary>The address book holds what the catalog holds; a keep-alive does not touch it.</summary>
    private void LearnAddresses(IReadOnlyList<PeerChange> changes)
    {
        if (!changes.Any(static c => c.ContentChanged))
            return;
        Node.UpdateAddresses((book, now) =>
        {
            foreach (PeerChange change in changes)
            {
                if (change.New is null)
                    book.RemoveSigned(change.Id, now);
                else if (change.ContentChanged)
                    book.SetSigned(change.Id, change.New.Address.Addresses, now);
            }
        });
    }

    private void OnResult(PeerId id, UpsertResult result, DiscoveryTime now)
    {
        _metrics.OnEntry(result);
        if (result != UpsertResult.FromFuture)
            return;
        if (_futureLogged.TryPass(id, now.Monotonic, out _))
            DiscoveryLog.FromFuture(Logger, id);
    }

    private void OnLocalChanged()
    {
        if (Interlocked.Exchange(ref _localChanged, 1) == 0)
            _mailbox.TryPost(DiscoveryInput.Wake); // a full mailbox is a loop that is awake
    }

    /// <summary>Changes of the own entry within 5 ms become one version (spec/discovery.md §7).</summary>
    private void CheckWindow(DiscoveryTime now)
    {
        if (_windowEnd is null && Interlocked.Exchange(ref _localChanged, 0) != 0)
            _windowEnd = now.Monotonic + ChangeWindow;
        if (_windowEnd is not { } end || now.Monotonic < end)
            return;
        _windowEnd = null;
        // Changes made meanwhile are signed with the others; they need no window of their own.
        Interlocked.Exchange(ref _localChanged, 0);
        SignBeside(() => Local.Sign(WallMs));
    }

    /// <summary>Signs in a task of its own; the loop hears of the result.</summary>
    private void SignBeside(Func<SignedPeerEntry> sign) => _tasks.Start(async () =>
    {
        SignedPeerEntry signed = sign();
        await TellAsync(now => OnOwnEntrySigned(signed, now)).ConfigureAwait(false);
    });

    private void OnOwnEntrySigned(SignedPeerEntry signed, DiscoveryTime now)
    {
        if (!signed.Version.IsNewerThan(_published.Version))
            return; // two of them crossed, and the later one has been published
        bool contentChanged = !signed.Entry.ContentEquals(_published.Entry);
        Volatile.Write(ref _published, signed);
        Hub.PostLocal(contentChanged);
        TellLength(contentChanged, now);
    }
}
