using Mosaik.Groups;
using Mosaik.Groups.Raft;

namespace Mosaik.Simulation.Raft.Cluster;

// Bonds and the messages under way.
internal sealed partial class RaftCluster
{
    private readonly SortedDictionary<(string From, string To), Queue<byte[]>> _links = [];
    private readonly HashSet<(string, string)> _cut = [];

    /// <summary>Whether a bond is too slow for entries just now: they are not queued, its peer catches up.</summary>
    public Func<string, string, bool>? SkipsEntries { get; set; }

    /// <summary>Links with something to deliver, in a fixed order.</summary>
    public IReadOnlyList<(string From, string To)> Loaded =>
        [.. _links.Where(l => l.Value.Count > 0 && !_cut.Contains(l.Key)).Select(l => l.Key)];

    /// <summary>Messages delivered so far.</summary>
    public long Delivered { get; private set; }

    public int InFlight(string from, string to) => _links.TryGetValue((from, to), out var queue) ? queue.Count : 0;

    public bool AreBonded(ClusterNode a, ClusterNode b) => _links.ContainsKey((a.Name, b.Name));

    /// <summary>A bond is made; in the same turn the second may hear the last word of the first one's predecessor.</summary>
    public void Bond(string a, string b, ClusterEvent? lastWord = null)
    {
        ClusterNode one = this[a];
        ClusterNode other = this[b];
        if (one == other || AreBonded(one, other))
            return;
        _links.Add((a, b), new Queue<byte[]>());
        _links.Add((b, a), new Queue<byte[]>());
        bool isExtended = !one.IsPlain && !other.IsPlain;
        Join(one, other, isExtended);
        if (lastWord is { } word)
            Turn(other, word, Joining(other, one, isExtended));
        else
            Join(other, one, isExtended);
    }

    /// <summary>A full mesh of these nodes, or of all.</summary>
    public void Mesh(params string[] names)
    {
        string[] all = names.Length > 0 ? names : [.. _nodes.Keys];
        foreach (string a in all)
        {
            foreach (string b in all)
                Bond(a, b);
        }
    }

    /// <summary>The bond closes on both sides; what is under way is lost.</summary>
    public void Unbond(string a, string b, ClusterNode? departed = null)
    {
        if (!RemoveLink(a, b))
            return;
        Part(this[a], this[b], departed == this[b]);
        Part(this[b], this[a], departed == this[a]);
    }

    /// <summary>All bonds of a node close on both sides.</summary>
    public void Isolate(string name)
    {
        foreach (string other in _nodes.Keys.Where(o => o != name).ToArray())
            Unbond(name, other);
    }

    /// <summary>The link is silent, both sides still think they are bonded; frames wait.</summary>
    public void Cut(string a, string b)
    {
        _cut.Add((a, b));
        _cut.Add((b, a));
    }

    /// <summary>The link speaks again: what waited arrives.</summary>
    public void Uncut(string a, string b)
    {
        _cut.Remove((a, b));
        _cut.Remove((b, a));
    }

    /// <summary>Delivers the next messages of a link, also of a cut one.</summary>
    public void Deliver(string from, string to, int count = int.MaxValue)
    {
        while (count-- > 0 && Arriving(from, to) is { } next)
            Turn(this[to], next);
    }

    /// <summary>The next message of a link, taken off it, for a turn; null when there is none.</summary>
    public ClusterEvent? Arriving(string from, string to)
    {
        if (!_links.TryGetValue((from, to), out Queue<byte[]>? queue) || !queue.TryDequeue(out byte[]? message))
            return null;
        ClusterNode sender = this[from];
        Delivered++;
        return new ClusterEvent(new ClusterInput(InputKind.Message) { From = sender, Message = message },
            n => n.Core.Receive(sender.Peer, message, n.Now, n.Effects));
    }

    /// <summary>Delivers everything, one message per link at a time, until nothing is under way.</summary>
    public void DeliverAll()
    {
        const int MaxMessages = 1_000_000;
        for (int i = 0; i < MaxMessages; i++)
        {
            IReadOnlyList<(string From, string To)> loaded = Loaded;
            if (loaded.Count == 0)
                return;
            foreach ((string from, string to) in loaded)
                Deliver(from, to, 1);
        }

        throw new ClusterException($"Messages never end:\n{this}");
    }

    /// <summary>Loses what waits on a link.</summary>
    public void Drop(string from, string to)
    {
        if (_links.TryGetValue((from, to), out Queue<byte[]>? queue))
            queue.Clear();
    }

    /// <summary>Takes what waits on a link off it.</summary>
    public byte[][] Take(string from, string to)
    {
        byte[][] messages = [.. _links[(from, to)]];
        _links[(from, to)].Clear();
        return messages;
    }

    /// <summary>The message that was put on a link last and still waits there.</summary>
    public byte[]? Last(string from, string to) => _links[(from, to)].LastOrDefault();

    /// <summary>Puts a message on a link that no core has sent.</summary>
    public void Inject(string from, string to, byte[] message) => _links[(from, to)].Enqueue(message);

    private static GroupMember Seen(ClusterNode peer, bool isExtended) =>
        isExtended ? peer.Member : new GroupMember(peer.Peer, Incarnation.None);

    private void Join(ClusterNode node, ClusterNode peer, bool isExtended) => Turn(node, Joining(node, peer, isExtended));

    private static ClusterEvent Joining(ClusterNode node, ClusterNode peer, bool isExtended) => new(
        new ClusterInput(InputKind.BondUp) { What = $"bond {peer.Name}", From = peer },
        _ => node.Core.BondUp(Seen(peer, isExtended), isExtended, peer.Settings.IsVoter, node.Now, node.Effects));

    private void Part(ClusterNode node, ClusterNode peer, bool hasDeparted) => Turn(node, new ClusterEvent(
        new ClusterInput(InputKind.BondDown) { What = $"lost {peer.Name}", From = peer, HasDeparted = hasDeparted },
        n => n.Core.BondDown(peer.Peer, hasDeparted, n.Now, n.Effects)));

    private bool RemoveLink(string a, string b)
    {
        if (!_links.Remove((a, b)))
            return false;
        _links.Remove((b, a));
        _cut.Remove((a, b));
        _cut.Remove((b, a));
        return true;
    }

    private void Execute(ClusterNode node)
    {
        RaftEffects effects = node.Effects;
        node.Divergences.AddRange(effects.Divergences);
        node.Events.AddRange(effects.Events);
        foreach (OutgoingFrame outgoing in effects.Frames)
        {
            byte[] message = outgoing.Frame.Payload[1..].ToArray();
            Observer?.Sent(node, outgoing.To, message);
            foreach (ClusterNode other in Nodes)
            {
                bool isSkipped = outgoing.Kind == FrameKind.Entries && SkipsEntries?.Invoke(node.Name, other.Name) == true;
                if (!isSkipped && (outgoing.To is null || outgoing.To == other.Peer)
                    && _links.TryGetValue((node.Name, other.Name), out Queue<byte[]>? queue))
                    queue.Enqueue(message);
            }
        }

        foreach (CommandCompletion done in effects.Commands)
        {
            node.Commands.Add(done.Token, done);
            _ledger.Ended(node, done);
        }

        foreach (QueryCompletion done in effects.Queries)
        {
            node.Queries.Add(done.Token, done);
            _ledger.Answered(node, done);
        }

        node.Termination ??= effects.Termination;
        var closes = effects.Closes.ToArray();
        node.Closes.AddRange(closes);
        effects.Clear();
        foreach ((Primitives.PeerId peer, _) in closes)
        {
            if (_byPeer.TryGetValue(peer, out ClusterNode? other))
                Unbond(node.Name, other.Name);
        }
    }
}
