using Microsoft.Extensions.Logging;
using Mosaik.Diagnostics;
using Mosaik.Primitives;

namespace Mosaik.Networking;

/// <summary>
/// What all links of a node share: clock, scheduler, counters, log, memory budgets, the end of the node.
/// </summary>
internal sealed class LinkContext
{
    private const long SyncBudget = 128L * 1024 * 1024;
    private const long LargeBudget = 512L * 1024 * 1024;

    private readonly LogLimiter _limiter;
    private readonly FrameBudget _sync;
    private readonly FrameBudget _streams;
    private readonly FrameBudget _groups;

    /// <summary>Makes the context of one node.</summary>
    public LinkContext(
        TimeProvider timeProvider,
        TaskScheduler scheduler,
        NetworkMetrics metrics,
        ILogger logger,
        CancellationToken termination)
    {
        TimeProvider = timeProvider;
        Scheduler = scheduler;
        Metrics = metrics;
        Logger = logger;
        Termination = termination;
        _limiter = new LogLimiter(timeProvider);
        _sync = new FrameBudget(SyncBudget, scheduler);
        _streams = new FrameBudget(LargeBudget, scheduler);
        _groups = new FrameBudget(LargeBudget, scheduler);
    }

    /// <summary>The node's clock.</summary>
    public TimeProvider TimeProvider { get; }

    /// <summary>Where continuations run.</summary>
    public TaskScheduler Scheduler { get; }

    /// <summary>The node's counters.</summary>
    public NetworkMetrics Metrics { get; }

    /// <summary>Where links log.</summary>
    public ILogger Logger { get; }

    /// <summary>Cancelled when the node stops.</summary>
    public CancellationToken Termination { get; }

    /// <summary>
    /// Told the round-trip time of connections with traffic, at most every 250 ms per connection. Must not throw.
    /// </summary>
    public Action<PeerId, TimeSpan>? RttObserver { get; set; }

    /// <summary>
    /// The budget for large frames of a protocol (spec/reliability.md LEN-8); null where frames stay small.
    /// </summary>
    public FrameBudget? BudgetOf(WireProtocol protocol) =>
        protocol == WireProtocol.Sync ? _sync
        : protocol == WireProtocol.Streams ? _streams
        : protocol == WireProtocol.Groups ? _groups
        : null;

    /// <summary>
    /// A connection is refused or ended because of a limit or a violation: counted, and logged within reason.
    /// </summary>
    public void OnRefused(string reason, PeerId peer, string alpn)
    {
        Metrics.OnRefused(reason);
        if (_limiter.TryPass(reason, out var suppressed))
            NetworkLog.ConnectionRefused(Logger, reason, peer, alpn, suppressed);
    }
}
