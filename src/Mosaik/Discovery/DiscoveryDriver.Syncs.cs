using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Discovery;

// Running syncs and probes, and letting callers join them (spec/discovery.md §11).
internal sealed partial class DiscoveryDriver
{
    private readonly Dictionary<long, SyncRun> _runs = [];
    private readonly Dictionary<PeerId, List<SyncWaiter>> _waiting = [];

    /// <summary>Syncs with a peer; see <see cref="SyncTable"/> for when callers share one.</summary>
    public async ValueTask SyncWithAsync(EndpointAddress address, CancellationToken cancellationToken)
    {
        if (address.Id == Node.Id)
            throw new ArgumentException("A node does not sync with itself.", nameof(address));
        cancellationToken.ThrowIfCancellationRequested();
        Node.UpdateAddresses((book, now) => book.Add(address.Id, AddressSource.Explicit, address.Addresses, now));
        var waiter = new SyncWaiter(Scheduler);
        await AskAsync(_ => Enlist(address.Id, waiter), cancellationToken).ConfigureAwait(false);
        try
        {
            await waiter.Done.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            Post(new DiscoveryInput.Act(_ => Withdraw(address.Id, waiter)));
            throw;
        }
    }

    /// <summary>Records addresses and observes the peers; completes when that is queued.</summary>
    public async ValueTask DialAsync(IReadOnlyList<EndpointAddress> peers, CancellationToken cancellationToken)
    {
        Node.UpdateAddresses((book, now) =>
        {
            foreach (EndpointAddress peer in peers)
                book.Add(peer.Id, AddressSource.Explicit, peer.Addresses, now);
        });
        await AskAsync(
            now =>
            {
                _core.Dial(peers.Select(static p => p.Id), now);
                return true;
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A sync is about to send its snapshot: what is asked for from now on is not in it.</summary>
    public ValueTask<bool> OnSnapshotSentAsync(long syncId, CancellationToken cancellationToken) => AskAsync(
        _ =>
        {
            _core.OnSnapshotSent(syncId);
            return true;
        },
        cancellationToken);

    /// <summary>A peer has synced with us, or began to and did not end it properly.</summary>
    public ValueTask OnInboundSyncAsync(PeerId peer, bool completed) =>
        TellAsync(now => _core.OnInboundSync(peer, completed, now));

    private bool Enlist(PeerId peer, SyncWaiter waiter)
    {
        if (_core.RequestSync(peer) is not { } start)
        {
            if (!_waiting.TryGetValue(peer, out List<SyncWaiter>? waiters))
                _waiting[peer] = waiters = [];
            waiters.Add(waiter);
            return false;
        }
        if (start.IsNew)
            Run(start, isBackground: false);
        SyncRun run = _runs[start.SyncId];
        waiter.Run = run;
        run.Waiters.Add(waiter);
        return true;
    }

    /// <summary>A caller no longer waits. A sync that nobody else wants ends.</summary>
    private void Withdraw(PeerId peer, SyncWaiter waiter)
    {
        if (_waiting.TryGetValue(peer, out List<SyncWaiter>? waiters) && waiters.Remove(waiter) && waiters.Count == 0)
            _waiting.Remove(peer);
        if (waiter.Run is not { } run || !run.Waiters.Remove(waiter))
            return;
        if (run.Waiters.Count == 0 && !run.IsBackground)
            run.Cancellation.Cancel();
    }

    /// <summary>The loop has ended: nobody will complete those who wait but this.</summary>
    private void AbandonSyncs()
    {
        var closed = new NetworkClosedException();
        foreach (SyncRun run in _runs.Values)
            run.Complete(closed);
        foreach (SyncWaiter waiter in _waiting.Values.SelectMany(static w => w))
            waiter.Done.TrySetException(closed);
    }

    private void Run(SyncStart start, bool isBackground)
    {
        var run = new SyncRun(CancellationTokenSource.CreateLinkedTokenSource(Node.Termination), isBackground);
        _runs[start.SyncId] = run;
        _tasks.Start(async () =>
        {
            Exception? error = await TrySyncAsync(start, run.Cancellation.Token).ConfigureAwait(false);
            await TellAsync(now => OnSyncEnded(start, run, error, now)).ConfigureAwait(false);
            run.Cancellation.Dispose();
        });
    }

    private async ValueTask<Exception?> TrySyncAsync(SyncStart start, CancellationToken cancellationToken)
    {
        try
        {
            await CatalogSync.InitiateAsync(this, start, cancellationToken).ConfigureAwait(false);
            return null;
        }
        catch (OperationCanceledException e)
        {
            return Node.Termination.IsCancellationRequested ? new NetworkClosedException(e) : e;
        }
        catch (MosaikException e)
        {
            return e is LinkException ? DiscoveryException.Link(start.Peer, "A catalog sync", e) : e;
        }
    }

    private void OnSyncEnded(SyncStart start, SyncRun run, Exception? error, DiscoveryTime now)
    {
        _runs.Remove(start.SyncId);
        SyncOutcome outcome = error switch
        {
            null => SyncOutcome.Succeeded,
            DiscoveryException { Error: DiscoveryError.DifferentNetwork } => SyncOutcome.DifferentNetwork,
            _ => SyncOutcome.Failed,
        };
        _core.OnSyncFinished(start, outcome, now);
        if (error is not (OperationCanceledException or NetworkClosedException))
            _metrics.OnSync(error is null);
        if (outcome == SyncOutcome.DifferentNetwork)
            DiscoveryLog.DifferentNetwork(Logger, start.Peer);
        else if (error is not null)
            DiscoveryLog.SyncFailed(Logger, start.Peer, error.Message);
        run.Complete(error);
        // A slot is free: the first of those who wait starts a sync, the others join it.
        if (!_waiting.Remove(start.Peer, out List<SyncWaiter>? waiters))
            return;
        CarryOut(now); // a sync that the end of this one has begun is there to be joined
        foreach (SyncWaiter waiter in waiters)
            Enlist(start.Peer, waiter);
    }

    private void Probe(PeerId peer) => _tasks.Start(async () =>
    {
        if (Node.TryGetRtt(peer) is { } live)
        {
            // A connection that is open anyway knows it without a ping.
            SampleRtt(peer, live);
            await TellAsync(now => _core.OnProbeFinished(peer, now)).ConfigureAwait(false);
            return;
        }
        try
        {
            PingResult result = await Ping.RunAsync(this, peer, Node.Termination).ConfigureAwait(false);
            if (result.Rtt is { } rtt)
                SampleRtt(peer, rtt);
        }
        catch (Exception e) when (e is MosaikException or OperationCanceledException)
        {
            DiscoveryLog.PingFailed(Logger, peer, e.Message); // tried again in the next interval
        }
        await TellAsync(now => _core.OnProbeFinished(peer, now)).ConfigureAwait(false);
    });

    private sealed class SyncRun(CancellationTokenSource cancellation, bool isBackground)
    {
        public CancellationTokenSource Cancellation { get; } = cancellation;

        public bool IsBackground { get; } = isBackground;

        public List<SyncWaiter> Waiters { get; } = [];

        public void Complete(Exception? error)
        {
            foreach (SyncWaiter waiter in Waiters)
            {
                if (error is null)
                    waiter.Done.TrySetResult();
                else
                    waiter.Done.TrySetException(error);
            }

            Waiters.Clear(); // who gives up from now on has nothing to cancel any more
        }
    }

    private sealed class SyncWaiter(TaskScheduler scheduler)
    {
        public Completion Done { get; } = new(scheduler);

        public SyncRun? Run { get; set; }
    }
}
