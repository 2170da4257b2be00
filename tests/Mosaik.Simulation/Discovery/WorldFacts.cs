using Mosaik.Discovery;
using Mosaik.Primitives;
using Mosaik.Testing;

namespace Mosaik.Simulation.Discovery;

/// <summary>What is true, whoever knows it: the oracle outside the nodes.</summary>
internal sealed class WorldFacts(SimulationScheduler scheduler, NetworkId network, DiscoveryOptions options)
{
    // Clocks are wrong by so much at most, and versions may run a little ahead of their clock.
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(8);

    // A fiftieth of the intervals are that close to their mean.
    private const double OnTheBeat = 0.01;
    private const int EnoughKeepAlives = 20;

    private readonly List<SimulatedNode> _nodes = [];
    private readonly Dictionary<PeerId, int> _indexOf = [];
    private readonly Dictionary<(PeerId, PeerVersion), UniqueId> _digests = [];
    private readonly Dictionary<(int Observer, PeerId Peer), (long Start, TimeSpan At)> _heardFarewells = [];

    private int _keepAlives;
    private int _keepAlivesOnTheBeat;

    /// <summary>The first broken invariant.</summary>
    public InvariantViolationException? Violation { get; private set; }

    public IReadOnlyList<SimulatedNode> Nodes => _nodes;

    public void Add(SimulatedNode node)
    {
        _indexOf.Add(node.Id, _nodes.Count);
        _nodes.Add(node);
    }

    public int IndexOf(PeerId id) => _indexOf.GetValueOrDefault(id, -1);

    /// <summary>Remembers the first violation; the run ends at the next look.</summary>
    public void Fail(string invariant, string detail) =>
        Violation ??= new InvariantViolationException(invariant, detail);

    /// <summary>An entry has got into a catalog.</summary>
    public void JudgeEntry(SimulatedNode observer, SignedPeerEntry entry)
    {
        if (IndexOf(entry.Id) is not (>= 0 and var index))
        {
            Fail("DI-4", $"n{observer.Index} stored an entry of {entry.Id}, who does not exist");
            return;
        }
        if (entry.NetworkId != network)
            Fail("DI-4", $"n{observer.Index} stored an entry of n{index} for another network");
        if (!_digests.TryAdd((entry.Id, entry.Version), entry.Digest) && _digests[(entry.Id, entry.Version)] != entry.Digest)
            Fail("DI-4", $"n{observer.Index} stored version {entry.Version} of n{index} with another content than others have");
        if (!SignedPeerEntry.TryDecode(entry.Bytes.Span, out _))
            Fail("DI-4", $"n{observer.Index} stored an entry of n{index} that is not validly signed");
        SimulatedNode subject = _nodes[index];
        if (_heardFarewells.TryGetValue((observer.Index, entry.Id), out var farewell)
            && entry.Version.Start <= farewell.Start && scheduler.Now - farewell.At < options.PurgeAfter - Slack)
        {
            Fail("DI-2", $"n{observer.Index} took back a run of n{index} whose departure it heard at t={farewell.At.TotalSeconds:f3}s");
        }
        if (subject.EndedAt is { } ended && !subject.IsWanted && scheduler.Now - ended > options.PurgeAfter + Slack)
            Fail("DI-2", $"n{observer.Index} stored an entry of n{index}, which ended at t={ended.TotalSeconds:f3}s");
    }

    /// <summary>A peer has gone from a catalog. If it was not stale, somebody must have said goodbye.</summary>
    public void JudgeDeparture(SimulatedNode observer, PeerId id, PeerVersion last)
    {
        long age = observer.Clock.GetUtcNow().ToUnixTimeMilliseconds() - last.Update;
        if (age > (long)options.PurgeAfter.TotalMilliseconds)
            return; // purged
        SimulatedNode subject = _nodes[IndexOf(id)];
        _heardFarewells[(observer.Index, id)] = (last.Start, scheduler.Now);
        if (!subject.HasSaidGoodbye(last.Start))
            Fail("DI-2", $"n{observer.Index} dropped n{subject.Index} after {age} ms although that run never said goodbye");
    }

    /// <summary>An entry was refreshed so long after the version before.</summary>
    public void NoteKeepAlive(long milliseconds)
    {
        _keepAlives++;
        double interval = options.AnnounceInterval.TotalMilliseconds;
        if (Math.Abs(milliseconds - interval) < interval * OnTheBeat)
            _keepAlivesOnTheBeat++;
    }

    /// <summary>Intervals are drawn anew each time, so that nodes that started together do not stay in step.</summary>
    public void JudgeJitter()
    {
        if (_keepAlives >= EnoughKeepAlives && _keepAlivesOnTheBeat > _keepAlives / 2)
            Fail("RE-3", $"{_keepAlivesOnTheBeat} of {_keepAlives} keep-alives come exactly one interval after the one before");
    }

    /// <summary>A process forgets what it heard.</summary>
    public void Forget(SimulatedNode observer)
    {
        foreach (var key in _heardFarewells.Keys.Where(key => key.Observer == observer.Index).ToList())
            _heardFarewells.Remove(key);
    }

    /// <summary>Whether an ended process must be gone from every catalog by now.</summary>
    public bool MustBeForgotten(SimulatedNode node) =>
        !node.IsWanted && node.EndedAt is { } ended && scheduler.Now - ended > options.PurgeAfter + Slack;
}
