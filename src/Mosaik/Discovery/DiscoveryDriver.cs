using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Mosaik.Discovery.Gossip;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Quic;
using Mosaik.Waiting;

namespace Mosaik.Discovery;

/// <summary>
/// Owns the <see cref="DiscoveryCore"/>: one loop that reads a bounded mailbox, keeps the timer, and carries out the
/// effects.
/// </summary>
/// <remarks>
/// Verifying, signing and everything on the network happens in tasks beside the loop, which it owns; their results come
/// back
/// through the mailbox and are checked again against the state of that moment. The published catalog is one volatile
/// reference. A failure of the loop itself stops the node.
/// </remarks>
internal sealed partial class DiscoveryDriver : ISubsystem
{
    private const int MailboxCapacity = 4096;
    private const int InputsPerTurn = 64;

    private static readonly TimeSpan ChangeWindow = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan FutureLogInterval = TimeSpan.FromMinutes(1);

    private readonly DiscoveryOptions _options;
    private readonly DiscoveryCore _core;
    private readonly Mailbox<DiscoveryInput> _mailbox;
    private readonly DiscoveryMetrics _metrics;
    private readonly LogLimiter _limiter;
    private readonly TaskSet _tasks;
    private readonly PeerLogLimiter _futureLogged = new(FutureLogInterval, CatalogStore.MaxEntries);
    private readonly IGossip? _gossip;
    private readonly Announcer? _announcer;
    private readonly Alarm _alarm;
    private readonly long _epoch;
    private CatalogState _state;
    private SignedPeerEntry _published;
    private TimeSpan? _windowEnd;
    private Task _loop = Task.CompletedTask;
    private int _localChanged;

    /// <summary>Makes the driver of one node.</summary>
    /// <param name="node">The node.</param>
    /// <param name="options">Its settings.</param>
    /// <param name="random">Its randomness.</param>
    /// <param name="meter">Where its instruments belong.</param>
    /// <param name="logger">Where it logs.</param>
    /// <param name="gossip">How it announces; owned by the driver. Null: nothing is announced, syncs do it all.</param>
    public DiscoveryDriver(
        LocalNode node, DiscoveryOptions options, RandomSource random, Meter meter, ILogger logger, IGossip? gossip = null)
    {
        Node = node;
        Logger = logger;
        _options = options;
        _epoch = TimeProvider.GetTimestamp();
        _mailbox = new Mailbox<DiscoveryInput>(MailboxCapacity, Scheduler);
        _metrics = new DiscoveryMetrics(meter, node.NetworkId);
        _limiter = new LogLimiter(TimeProvider);
        _tasks = new TaskSet(Scheduler);
        _core = new DiscoveryCore(node.NetworkId, node.Id, options, random, announces: gossip is not null);
        _gossip = gossip;
        _announcer = gossip is null ? null : new Announcer(this, gossip);
        _state = _core.State;
        Random = random;
        _core.WatchClock(Now);
        Local = new LocalEntry(node.SecretKey, node.NetworkId, node.Address, options.Tags, WallMs);
        Hub = new DiscoveryHub(Scheduler, options.EventsBacklog);
        Verification = new EntryVerification(new SignatureVerifier(SignatureCache.Shared), new SignatureBudget(), Scheduler, TimeProvider);
        _published = Local.LastSigned;
        _alarm = new Alarm(TimeProvider, () => _mailbox.TryPost(DiscoveryInput.Wake)); // busy if full, and then it looks anyway
    }

    /// <inheritdoc/>
    public string Name => "discovery";

    public LocalNode Node { get; }

    public ILogger Logger { get; }

    public RandomSource Random { get; }

    public LocalEntry Local { get; }

    public DiscoveryHub Hub { get; }

    public EntryVerification Verification { get; }

    public TimeProvider TimeProvider => Node.Links.TimeProvider;

    public TaskScheduler Scheduler => Node.Links.Scheduler;

    /// <summary>Milliseconds since the Unix epoch.</summary>
    public long WallMs => TimeProvider.GetUtcNow().ToUnixTimeMilliseconds();

    public DiscoveryTime Now => new(WallMs, TimeProvider.GetElapsedTime(_epoch));

    /// <summary>The own entry as published last.</summary>
    public SignedPeerEntry Published => Volatile.Read(ref _published);

    /// <summary>What is known of other nodes; one volatile read.</summary>
    public CatalogState State => Volatile.Read(ref _state);

    /// <summary>The catalog with the own entry, which is signed now if it has changed.</summary>
    public Catalog Catalog => CatalogOf(State);

    /// <summary>A catalog of a state that was read before.</summary>
    public Catalog CatalogOf(CatalogState state) => new(state, Local.Sign(WallMs), TimeProvider);

    /// <inheritdoc/>
    public ValueTask StartAsync(CancellationToken cancellationToken)
    {
        Local.Changed = OnLocalChanged;
        Node.AddressChanged = OnAddressChanged;
        Node.ConnectionLost = peer => Post(new DiscoveryInput.Act(now => _core.OnConnectionLost(peer, now)));
        Local.Change(e => e.WithAddress(Node.Address, TimeProvider.GetUtcNow())); // it may have changed since the entry was made
        Node.Links.RttObserver = SampleRtt;
        Node.UpdateAddresses((book, now) =>
        {
            foreach (EndpointAddress peer in _options.BootstrapPeers)
                book.Add(peer.Id, AddressSource.Explicit, peer.Addresses, now);
        });
        Node.Router.Register(WireProtocol.Sync, new CatalogSyncHandler(this));
        Node.Router.Register(WireProtocol.Ping, new PingHandler(this));
        _loop = Scheduler.Start(RunAsync);
        _gossip?.Start();
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public void OnOnline()
    {
        Post(new DiscoveryInput.Act(_core.GoOnline));
        _announcer?.Start();
    }

    /// <summary>Ends the loops and waits for everything they started.</summary>
    public async ValueTask DisposeAsync()
    {
        Node.AddressChanged = null;
        Node.ConnectionLost = null;
        Node.Links.RttObserver = null;
        Local.Changed = null;
        if (_announcer is not null)
            await _announcer.DisposeAsync().ConfigureAwait(false);
        if (_gossip is not null)
            await _gossip.DisposeAsync().ConfigureAwait(false);
        _mailbox.Complete();
        await _loop.ConfigureAwait(false);
        await _tasks.WhenEmptyAsync().ConfigureAwait(false);
        await _alarm.DisposeAsync().ConfigureAwait(false);
        Hub.End();
    }

    /// <summary>Runs something on the loop and waits for its result, which comes after its effects.</summary>
    /// <exception cref="NetworkClosedException">The node is stopping.</exception>
    public async ValueTask<T> AskAsync<T>(Func<DiscoveryTime, T> body, CancellationToken cancellationToken = default)
    {
        var ask = new DiscoveryInput.Ask<T>(body, Scheduler);
        if (!await _mailbox.PostAsync(ask, cancellationToken).ConfigureAwait(false))
            throw new NetworkClosedException();
        return await ask.Completion.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Runs something on the loop, waiting only for room. Nothing happens when the loop has ended.</summary>
    public async ValueTask TellAsync(Action<DiscoveryTime> body) =>
        await _mailbox.PostAsync(new DiscoveryInput.Act(body)).ConfigureAwait(false);

    /// <summary>Takes in a round-trip time. One that finds no room is not missed.</summary>
    public void SampleRtt(PeerId peer, TimeSpan rtt) =>
        _mailbox.TryPost(new DiscoveryInput.Act(now => _core.SampleRtt(peer, rtt, now)));

    /// <summary>Offers verified entries to the catalog.</summary>
    public ValueTask<UpsertResult[]> OfferAsync(
        IReadOnlyList<SignedPeerEntry> entries, EntrySource source, CancellationToken cancellationToken = default) =>
        AskAsync(now => _core.Offer(entries, Local.HighWater, source, now), cancellationToken);

    /// <summary>Puts in an unsigned entry.</summary>
    public ValueTask<bool> InsertAsync(PeerEntry entry, CancellationToken cancellationToken) =>
        AskAsync(now => _core.Insert(entry, now), cancellationToken);

    /// <summary>Removes an unsigned entry.</summary>
    public ValueTask<bool> RemoveUnsignedAsync(PeerId id, CancellationToken cancellationToken) =>
        AskAsync(now => _core.RemoveUnsigned(id, now), cancellationToken);

    /// <summary>Removes all unsigned entries.</summary>
    public ValueTask<bool> ClearUnsignedAsync(CancellationToken cancellationToken) => AskAsync(_core.ClearUnsigned, cancellationToken);

    /// <summary>Applies a departure whose signature has been verified.</summary>
    public ValueTask<DepartureDecision> DepartAsync(Departure departure, CancellationToken cancellationToken = default) =>
        AskAsync(now => _core.Depart(departure, now), cancellationToken);

    /// <summary>Protects a peer's entry while somebody is connected to it, or no longer.</summary>
    public void SetHeld(PeerId peer, bool held) => Post(new DiscoveryInput.Act(_ => _core.SetHeld(peer, held)));

    /// <summary>Somebody needs the round-trip time of a peer, or no longer.</summary>
    public void SetRttInterest(PeerId peer, bool interested) =>
        Post(new DiscoveryInput.Act(now => _core.SetRttInterest(peer, interested, now)));

    /// <summary>
    /// Counts entries that were refused before they got as far as the core, and says what a person should know.
    /// </summary>
    public async ValueTask CountRefusedAsync(PeerId sender, IReadOnlyList<(PeerId Id, UpsertResult Result)> refused, int unverified)
    {
        int invalid = unverified + refused.Count(static r => r.Result == UpsertResult.Invalid);
        if (invalid > 0 && _limiter.TryPass("invalid entries", out int suppressed))
            DiscoveryLog.InvalidEntries(Logger, invalid, sender, suppressed);
        for (int i = 0; i < unverified; i++)
            _metrics.OnEntry(UpsertResult.Invalid);
        if (refused.Count == 0)
            return;
        await TellAsync(now =>
        {
            foreach ((PeerId id, UpsertResult result) in refused)
                OnResult(id, result, now);
        }).ConfigureAwait(false);
    }

    /// <summary>Posts an input that must not be lost, from code that cannot wait.</summary>
    private void Post(DiscoveryInput input)
    {
        if (!_mailbox.TryPost(input))
            _tasks.Start(async () => await _mailbox.PostAsync(input).ConfigureAwait(false));
    }

    private async Task RunAsync()
    {
        DiscoveryInput? current = null;
        try
        {
            while (await _mailbox.WaitToReadAsync().ConfigureAwait(false))
            {
                // Bounded, so that the timers are looked at however much there is to read.
                for (int i = 0; i < InputsPerTurn && _mailbox.TryRead(out current); i++)
                {
                    DiscoveryTime now = Now;
                    current.Apply(now);
                    CarryOut(now);
                    current.Complete();
                }
                DiscoveryTime after = Now;
                _core.HandleTimeout(after);
                CarryOut(after);
                CheckWindow(after);
                SetAlarm(after);
            }
        }
        catch (Exception e)
        {
            // Whatever it is, the state can no longer be trusted: the whole node stops.
            _mailbox.Complete();
            Node.Fail("discovery", e);
        }
        finally
        {
            current?.Refuse(); // has no effect on an input that was completed
            while (_mailbox.TryRead(out DiscoveryInput? left))
                left.Refuse();
            AbandonSyncs();
        }
    }

    private void SetAlarm(DiscoveryTime now)
    {
        TimeSpan? next = _core.NextTimeout(now);
        if (_windowEnd is { } end && !(next < end - now.Monotonic))
            next = end > now.Monotonic ? end - now.Monotonic : TimeSpan.Zero;
        if (next is { } delay)
            _alarm.Set(now.Monotonic + delay, now.Monotonic);
    }
}
