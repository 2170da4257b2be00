using Mosaik.Discovery.Gossip;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Discovery;

/// <summary>
/// The node's place in the topic of its network: keeps it subscribed, reads what others announce, and sends what the
/// core decides (spec/discovery.md §8, §12.1; spec/gossip.md §13).
/// </summary>
/// <remarks>
/// One loop reads. Contents are judged by their plain fields first; what is worth it is verified in batches beside the
/// discovery loop, within the budget of signatures, and offered to the catalog. Reading slower than others announce ends
/// in a lag, which costs one forced sync, and never in unbounded memory.
/// </remarks>
internal sealed class Announcer(DiscoveryDriver driver, IGossip gossip) : IAsyncDisposable
{
    /// <summary>Subscriptions that end without having brought anything, in a row, until the node gives up.</summary>
    private const int MaxFailures = 3;
    private const int MaxBatch = 256;
    private const int MaxLoggedHops = 1_024;

    private static readonly TimeSpan LogInterval = TimeSpan.FromMinutes(1);

    private readonly AnnounceOutbox _outbox = new(driver);
    private readonly CancellationTokenSource _stop = new();
    private readonly AnnouncementBatch _batch = new();
    private readonly List<(PeerId Id, UpsertResult Result)> _refused = [];
    private readonly PeerLogLimiter _invalid = new(LogInterval, MaxLoggedHops);
    private Task _loop = Task.CompletedTask;
    private int _stopped;

    /// <summary>The longest content that gossip takes.</summary>
    public int MaxContentLength => _outbox.Topic?.MaxContentBytes ?? Announcement.DefaultMaxLength;

    /// <summary>The direct neighbours now; none while the topic is not subscribed.</summary>
    public IReadOnlyCollection<PeerId> Neighbours => _outbox.Topic?.Neighbours ?? [];

    /// <summary>The node is online: subscribes, now and whenever the topic ends.</summary>
    public void Start()
    {
        if (Volatile.Read(ref _stopped) != 0)
            return; // it left before it was online
        _outbox.Start();
        _loop = driver.Scheduler.Start(RunAsync);
    }

    /// <summary>Broadcasts the own entry, the latest one when its turn comes.</summary>
    public void Announce() => _outbox.Announce();

    /// <summary>Asks gossip to join peers.</summary>
    public void Join(IEnumerable<PeerId> peers) => _outbox.Join(peers);

    /// <summary>Broadcasts the departure, and gives it time to spread.</summary>
    public async ValueTask SayFarewellAsync(Departure departure, TimeSpan window, CancellationToken cancellationToken)
    {
        await _outbox.SayFarewellAsync(departure, cancellationToken).ConfigureAwait(false);
        await new Signal(driver.Scheduler, driver.TimeProvider).WaitAsync(window, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Ends both loops. May be called again.</summary>
    public async ValueTask StopAsync()
    {
        if (Interlocked.Exchange(ref _stopped, 1) == 0)
            _stop.Cancel();
        await _loop.ConfigureAwait(false);
        await _outbox.StopAsync().ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        await _outbox.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            for (int failures = 0; failures < MaxFailures;)
            {
                bool broughtSomething = await TrySubscribeAsync().ConfigureAwait(false);
                failures = broughtSomething ? 0 : failures + 1;
                DiscoveryLog.TopicEnded(driver.Logger);
            }
            driver.Node.Fail("gossip", new AnnouncingFailedException(MaxFailures));
        }
        catch (OperationCanceledException)
        {
            // StopAsync.
        }
        catch (Exception e)
        {
            driver.Node.Fail("announcing", e);
        }
        finally
        {
            _outbox.Topic = null;
        }
    }

    /// <summary>Subscribes and reads until the topic ends. Whether there was anything to read.</summary>
    private async ValueTask<bool> TrySubscribeAsync()
    {
        IGossipTopic topic;
        try
        {
            // Joining is up to the core, which knows more peers than those of the configuration.
            topic = await gossip.SubscribeAsync(TopicId.Of(driver.Node.NetworkId), [], _stop.Token).ConfigureAwait(false);
        }
        catch (MosaikException) when (!_stop.IsCancellationRequested)
        {
            return false;
        }
        using (topic)
        using (IGossipEvents events = topic.Events)
        {
            _outbox.Topic = topic;
            await driver.OnSubscribedAsync().ConfigureAwait(false);
            bool any = false;
            while (await events.WaitToReadAsync(_stop.Token).ConfigureAwait(false))
            {
                any = true;
                await ReadAsync(topic, events).ConfigureAwait(false);
            }
            _stop.Token.ThrowIfCancellationRequested();
            return any;
        }
    }

    /// <summary>Takes what has arrived. Entries wait for each other; everything else keeps its place among them.</summary>
    private async ValueTask ReadAsync(IGossipTopic topic, IGossipEvents events)
    {
        for (int i = 0; i < MaxBatch && events.TryRead(out GossipEvent? item); i++)
        {
            switch (item)
            {
                case GossipEvent.Received received:
                    await TakeAsync(received).ConfigureAwait(false);
                    break;
                case GossipEvent.NeighborUp up:
                    await FlushAsync().ConfigureAwait(false);
                    await driver.OnNeighbourUpAsync(up.Peer).ConfigureAwait(false);
                    break;
                case GossipEvent.NeighborDown down:
                    await FlushAsync().ConfigureAwait(false);
                    await driver.OnNeighbourDownAsync(down.Peer).ConfigureAwait(false);
                    break;
                case GossipEvent.Lagged lagged:
                    await FlushAsync().ConfigureAwait(false);
                    DiscoveryLog.GossipLagged(driver.Logger, lagged.Count);
                    await driver.OnGossipLaggedAsync(topic.Neighbours).ConfigureAwait(false);
                    break;
            }
        }
        await FlushAsync().ConfigureAwait(false);
    }

    private async ValueTask TakeAsync(GossipEvent.Received received)
    {
        CatalogState state = driver.State;
        if (Announcement.IsStored(received.Content, state))
            return;
        if (!Announcement.TryRead(received.Content, out ParsedPeerEntry? entry, out Departure? departure))
        {
            OnInvalid(received.DeliveredFrom, "it cannot be decoded");
        }
        else if (departure is not null)
        {
            await FlushAsync().ConfigureAwait(false); // an entry before it must not come after it
            await TakeAsync(departure, received.DeliveredFrom).ConfigureAwait(false);
        }
        else if (entry is { } parsed)
        {
            Take(parsed, received.DeliveredFrom, state);
        }
    }

    private void Take(in ParsedPeerEntry entry, PeerId hop, CatalogState state)
    {
        UpsertResult? refused = Announcement.Precheck(entry, state, driver.Local.HighWater, driver.WallMs);
        if (refused is null && !driver.Verification.TryTake(hop))
            refused = UpsertResult.Throttled;
        if (refused is null)
            _batch.Add(entry, hop);
        else if (refused is not (UpsertResult.Rejected or UpsertResult.Self))
            _refused.Add((entry.Id, refused.Value));
    }

    private async ValueTask TakeAsync(Departure departure, PeerId hop)
    {
        if (!Announcement.IsWorthVerifying(departure, driver.State, driver.WallMs) || !driver.Verification.TryTake(hop))
            return;
        if (departure.Verify(driver.Verification.Verifier))
            await driver.DepartAsync(departure, _stop.Token).ConfigureAwait(false);
        else
            OnInvalid(hop, "the signature of a departure is wrong");
    }

    /// <summary>Verifies what has been gathered and offers it to the catalog.</summary>
    private async ValueTask FlushAsync()
    {
        if (_refused.Count > 0)
        {
            await driver.CountRefusedAsync([.. _refused]).ConfigureAwait(false);
            _refused.Clear();
        }
        if (_batch.Count == 0)
            return;
        SignedPeerEntry?[] results =
            await driver.Verification.VerifyEachAsync(_batch.Entries, _stop.Token).ConfigureAwait(false);
        for (int i = 0; i < results.Length; i++)
        {
            if (results[i] is not null)
                continue;
            _refused.Add((_batch.Entries[i].Id, UpsertResult.Invalid));
            OnInvalid(_batch.HopOf(i), "the signature or the form of an entry is wrong");
        }
        _batch.Clear();
        SignedPeerEntry[] verified = [.. results.OfType<SignedPeerEntry>()];
        if (verified.Length > 0)
            await driver.OfferAsync(verified, EntrySource.Gossip, _stop.Token).ConfigureAwait(false);
    }

    /// <summary>The message is dropped; the connection to the neighbour stays open.</summary>
    private void OnInvalid(PeerId hop, string problem)
    {
        if (_invalid.TryPass(hop, driver.Now.Monotonic, out int suppressed))
            DiscoveryLog.InvalidAnnouncement(driver.Logger, hop, problem, suppressed);
    }
}
