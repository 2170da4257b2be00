using Mosaik.Discovery;
using Mosaik.Primitives;

namespace Mosaik.Simulation.Discovery;

/// <summary>
/// Follows the events of one process and judges each of them against everything seen before, here and elsewhere
/// (spec/reliability.md §5.3): versions only grow (DI-3), one version is one content (DI-4), what has departed does not
/// come back (DI-2), and the events tell what the catalog holds (DI-6).
/// </summary>
internal sealed class CatalogObserver(SimulatedNode node, WorldFacts facts, DiscoveryPlan plan, EventLog log)
{
    private readonly Dictionary<PeerId, PeerVersion> _last = [];
    private readonly SortedSet<PeerId> _known = [];

    /// <summary>The peers that are there, as the events tell it.</summary>
    public IReadOnlyCollection<PeerId> Known => _known;

    public async Task FollowAsync(IAsyncEnumerable<DiscoveryEvent> events)
    {
        await foreach (DiscoveryEvent e in events.ConfigureAwait(false))
        {
            switch (e)
            {
                case DiscoveryEvent.PeerDiscovered discovered:
                    OnDiscovered(discovered);
                    break;
                case DiscoveryEvent.PeerUpdated updated:
                    OnUpdated(updated);
                    break;
                case DiscoveryEvent.PeerDeparted departed:
                    OnDeparted(departed.PeerId);
                    break;
                default:
                    facts.Fail("DI-6", $"n{node.Index} was told {e} although nothing is slow");
                    break;
            }
        }
    }

    private void OnDiscovered(DiscoveryEvent.PeerDiscovered e)
    {
        log.Record(node.Index, "discovered", (ulong)facts.IndexOf(e.Entry.Id), e.Signed!.Digest.AsSpan()); // nothing is unsigned here
        if (!_known.Add(e.Entry.Id))
            facts.Fail("DI-6", $"n{node.Index} discovers n{facts.IndexOf(e.Entry.Id)} a second time");
        Judge(e.Signed);
    }

    private void OnUpdated(DiscoveryEvent.PeerUpdated e)
    {
        log.Record(node.Index, e.ContentChanged ? "changed" : "alive", (ulong)facts.IndexOf(e.Entry.Id), e.Signed!.Digest.AsSpan());
        if (!_known.Contains(e.Entry.Id))
            facts.Fail("DI-6", $"n{node.Index} hears of a change of n{facts.IndexOf(e.Entry.Id)}, which it has not discovered");
        if (!e.ContentChanged && _last.TryGetValue(e.Entry.Id, out PeerVersion last) && last.Start == e.Signed.Version.Start)
            facts.NoteKeepAlive(e.Signed.Version.Update - last.Update);
        Judge(e.Signed);
    }

    private void OnDeparted(PeerId id)
    {
        log.Record(node.Index, "departed", (ulong)facts.IndexOf(id));
        if (!_known.Remove(id))
            facts.Fail("DI-6", $"n{node.Index} hears of the departure of n{facts.IndexOf(id)}, which it does not know");
        facts.JudgeDeparture(node, id, _last.GetValueOrDefault(id));
        // Once its entry has gone stale, a run that seems to have started earlier is taken for what it is: the one that lives.
        if (facts.IndexOf(id) is >= 0 and var index && plan.HasWrongClock(index))
            _last.Remove(id);
    }

    private void Judge(SignedPeerEntry entry)
    {
        if (_last.TryGetValue(entry.Id, out PeerVersion last) && !entry.Version.IsNewerThan(last))
        {
            facts.Fail(
                "DI-3", $"n{node.Index} replaced version {last} of n{facts.IndexOf(entry.Id)} by {entry.Version}, which is not newer");
        }
        _last[entry.Id] = entry.Version;
        facts.JudgeEntry(node, entry);
    }
}
