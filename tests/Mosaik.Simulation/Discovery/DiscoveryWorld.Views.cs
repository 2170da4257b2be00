using System.Globalization;
using Mosaik.Discovery.Gossip;
using Mosaik.Discovery.Gossip.Protocol;

namespace Mosaik.Simulation.Discovery;

// The views of gossip, once the network has come to rest (spec/reliability.md §5.3, GO-2 and GO-3; RE-1).
internal sealed partial class DiscoveryWorld
{
    // Who takes a peer for a neighbour that it is not is told so once per shuffle; two of them cover every order of events.
    private static readonly TimeSpan TwoShuffles = (2 * new GossipOptions().ShuffleInterval) + OneChangeBound;

    private async Task CheckViewsAsync()
    {
        foreach (SimulatedNode node in Live)
            CheckSets(node, TopicOf(node));
        List<(SimulatedNode Node, SimulatedNode Other)> first = OneSided();
        if (first.Count > 0)
        {
            await DelayAsync(TwoShuffles).ConfigureAwait(false);
            foreach ((SimulatedNode node, SimulatedNode other) in first.Intersect(OneSided()).Take(1))
                _facts.Fail("GO-3", $"n{node.Index} takes n{other.Index} for its neighbour, which does not, for {TwoShuffles.TotalSeconds} s; {_plan}");
        }

        CheckConnections();
    }

    private void CheckSets(SimulatedNode node, TopicCore topic)
    {
        HyParViewCore views = topic.Membership;
        PlumTreeCore tree = topic.Broadcasts;
        var limits = new GossipOptions();
        string? problem = views.Active.Count > limits.ActiveViewCapacity ? $"{views.Active.Count} neighbours"
            : views.Passive.Count > limits.PassiveViewCapacity ? $"{views.Passive.Count} peers in reserve"
            : views.Active.Intersect(views.Passive).Any() ? "a neighbour in reserve"
            : views.Active.Concat(views.Passive).Contains(node.Id) ? "itself in a view"
            : tree.Eager.Intersect(tree.Lazy).Any() ? "a neighbour that is eager and lazy"
            : !tree.Eager.Concat(tree.Lazy).ToHashSet().SetEquals(views.Active) ? "other peers in its tree than in its view"
            : tree.Remembered > PlumTreeCore.MaxReceived || tree.Missing > PlumTreeCore.MaxMissing ? "tables of gossip above their bounds"
            : null;
        if (problem is not null)
            _facts.Fail("GO-2", $"n{node.Index} has {problem}; {_plan}");
    }

    /// <summary>
    /// Payloads do not take all links: some of them were found to be superfluous, and serve announcements only. How many is up
    /// to latencies and senders.
    /// </summary>
    private void CheckTree()
    {
        int nodes = Live.Count();
        int links = Live.Sum(node => TopicOf(node).Membership.Active.Count) / 2;
        if (links >= nodes + SuperfluousLinks && Live.All(node => TopicOf(node).Broadcasts.Lazy.Count == 0))
            _facts.Fail("RE-3", $"payloads take every one of the {links} links of {nodes} nodes; {_plan}");
    }

    // Fewer may all be in use at some moment.
    private const int SuperfluousLinks = 4;

    /// <summary>What is open serves neighbours: one connection each, or two if both have dialled.</summary>
    private void CheckConnections()
    {
        int ends = _transports.OpenConnections;
        int bound = Live.Sum(node => (2 * TopicOf(node).Membership.Active.Count) + EndsAside);
        if (ends > bound)
        {
            _facts.Fail("RE-1", string.Create(
                CultureInfo.InvariantCulture, $"{ends} ends of connections are open at rest, at most {bound} expected; {_plan}"));
        }
    }

    private const int EndsAside = 3;

    private TopicCore TopicOf(SimulatedNode node) =>
        ((GossipDriver)node.Process!.Discovery.Driver.Gossip!).Find(TopicId.Of(_network))!; // they have converged

    private List<(SimulatedNode Node, SimulatedNode Other)> OneSided() =>
    [
        .. from node in Live
           from neighbour in node.Process!.Discovery.Driver.Neighbours // they have converged
           let other = _nodes[_facts.IndexOf(neighbour)]
           where other.Process is not { } process || !process.Discovery.Driver.Neighbours.Contains(node.Id)
           select (node, other),
    ];
}
