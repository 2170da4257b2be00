using Mosaik.Discovery.Gossip;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Discovery;

/// <summary>
/// What discovery wants gossip to do, carried out by a loop of its own, so that a full queue of gossip never holds up
/// discovery. It keeps facts, not messages: that the own entry is due (the latest one, whenever its turn comes), whom to
/// join, and the farewell, after which nothing follows.
/// </summary>
internal sealed class AnnounceOutbox(DiscoveryDriver driver) : IAsyncDisposable
{
    /// <summary>Most peers that wait to be joined; the rounds of joining bring up the others.</summary>
    private const int MaxJoins = 1_024;

    private readonly Lock _lock = new();
    private readonly Signal _work = new(driver.Scheduler, driver.TimeProvider);
    private readonly CancellationTokenSource _stop = new();
    private readonly HashSet<PeerId> _joins = [];
    private IGossipTopic? _topic;
    private bool _announce;
    private Farewell? _farewell;
    private Task _loop = Task.CompletedTask;
    private int _stopped;

    /// <summary>The topic to send to; null while there is none, and then nothing is kept.</summary>
    public IGossipTopic? Topic
    {
        get => Volatile.Read(ref _topic);
        set => Volatile.Write(ref _topic, value);
    }

    public void Start() => _loop = driver.Scheduler.Start(RunAsync);

    /// <summary>The own entry is to be broadcast.</summary>
    public void Announce()
    {
        lock (_lock)
            _announce = true;
        _work.Set();
    }

    /// <summary>Peers are to be joined.</summary>
    public void Join(IEnumerable<PeerId> peers)
    {
        lock (_lock)
        {
            foreach (PeerId peer in peers)
            {
                if (_joins.Count < MaxJoins)
                    _joins.Add(peer);
            }
        }
        _work.Set();
    }

    /// <summary>Broadcasts a departure as the last thing; completes when it is queued, or cannot be.</summary>
    public async ValueTask SayFarewellAsync(Departure departure, CancellationToken cancellationToken)
    {
        var farewell = new Farewell(departure, driver.Scheduler);
        lock (_lock)
            _farewell = farewell;
        _work.Set();
        await farewell.Said.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Ends the loop, if it has not ended with the farewell. May be called again.</summary>
    public async ValueTask StopAsync()
    {
        if (Interlocked.Exchange(ref _stopped, 1) == 0)
            _stop.Cancel();
        await _loop.ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            while (await _work.WaitAsync(_stop.Token).ConfigureAwait(false))
            {
                (bool announce, PeerId[] joins, Farewell? farewell) = Take();
                if (Topic is { } topic)
                    await SendAsync(topic, announce, joins, farewell).ConfigureAwait(false);
                if (farewell is null)
                    continue;
                farewell.Said.TrySetResult();
                return;
            }
        }
        catch (OperationCanceledException)
        {
            // StopAsync.
        }
    }

    private async ValueTask SendAsync(IGossipTopic topic, bool announce, PeerId[] joins, Farewell? farewell)
    {
        try
        {
            if (farewell is not null)
            {
                await BroadcastAsync(topic, Announcement.Encode(farewell.Departure)).ConfigureAwait(false);
                return;
            }
            if (joins.Length > 0)
                await topic.JoinPeersAsync(joins, _stop.Token).ConfigureAwait(false);
            if (announce)
                await BroadcastAsync(topic, Announcement.Encode(driver.Published)).ConfigureAwait(false);
        }
        catch (Exception e) when (e is MosaikException or ObjectDisposedException)
        {
            DiscoveryLog.AnnouncingFailed(driver.Logger, e.Message); // the topic has ended; its reader deals with that
        }
    }

    private ValueTask BroadcastAsync(IGossipTopic topic, byte[] content) =>
        topic.BroadcastAsync(content, GossipScope.Swarm, _stop.Token);

    private (bool Announce, PeerId[] Joins, Farewell? Farewell) Take()
    {
        lock (_lock)
        {
            // Ascending: the order of a hash table must not show on the wire.
            PeerId[] joins = [.. _joins.Order()];
            bool announce = _announce;
            _joins.Clear();
            _announce = false;
            return (announce, joins, _farewell);
        }
    }

    private sealed class Farewell(Departure departure, TaskScheduler scheduler)
    {
        public Departure Departure { get; } = departure;

        public Completion Said { get; } = new(scheduler);
    }
}
