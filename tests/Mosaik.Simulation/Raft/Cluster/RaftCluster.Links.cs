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

    public int InFlight(string from, string to) => _links.TryGetValue((from, to), out var queue) ? queue.Count : 0;

    public bool AreBonded(ClusterNode a, ClusterNode b) => _links.ContainsKey((a.Name, b.Name));

    public void Bond(string a, string b)
    {
        ClusterNode one = this[a];
        ClusterNode other = this[b];
        if (one == other || AreBonded(one, other))
            return;
        _links.Add((a, b), new Queue<byte[]>());
        _links.Add((b, a), new Queue<byte[]>());
        bool isExtended = !one.IsPlain && !other.IsPlain;
        Step(one, $"bond {b}", n => n.Core.BondUp(Seen(other, isExtended), isExtended, other.Settings.IsVoter, n.Now, n.Effects),
            new ClusterInput(InputKind.BondUp));
        Step(other, $"bond {a}", n => n.Core.BondUp(Seen(one, isExtended), isExtended, one.Settings.IsVoter, n.Now, n.Effects),
            new ClusterInput(InputKind.BondUp));
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
        if (!_links.Remove((a, b)))
            return;
        _links.Remove((b, a));
        _cut.Remove((a, b));
        _cut.Remove((b, a));
        ClusterNode one = this[a];
        ClusterNode other = this[b];
        Step(one, $"lost {b}", n => n.Core.BondDown(other.Peer, departed == other, n.Now, n.Effects),
            new ClusterInput(InputKind.BondDown));
        Step(other, $"lost {a}", n => n.Core.BondDown(one.Peer, departed == one, n.Now, n.Effects),
            new ClusterInput(InputKind.BondDown));
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
        while (count-- > 0 && _links.TryGetValue((from, to), out Queue<byte[]>? queue) && queue.TryDequeue(out byte[]? message))
        {
            ClusterNode sender = this[from];
            Step(this[to], $"<- {from} {Describe(message)}", n => n.Core.Receive(sender.Peer, message, n.Now, n.Effects),
                new ClusterInput(InputKind.Message) { From = sender, Message = message });
        }
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

    private static string Describe(byte[] message) => message.Length == 0 ? "nothing" : ((RaftMessageKind)message[0]).ToString();

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
