using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Primitives;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Simulation.Raft.Oracle;

/// <summary>What the oracle knows of one process: its state before the current input, and what it was told in its term.</summary>
internal sealed class NodeView(ClusterNode node)
{
    public ClusterNode Node { get; } = node;

    /// <summary>The log as it was after the last turn; changed by <see cref="Truncate"/> and <see cref="Append"/>.</summary>
    public List<LogEntry> Log { get; } = [];

    /// <summary>Length of the log before what the current turn appended.</summary>
    public int Kept { get; set; }

    /// <summary>Whether the current turn has taken entries away.</summary>
    public bool IsTruncated { get; set; }

    /// <summary>Inputs of the current turn so far.</summary>
    public int Inputs { get; set; }

    /// <summary>The step before the first input of the current turn.</summary>
    public long TurnBegan { get; set; }

    /// <summary>Who is bonded, and whether it announced the role Voter.</summary>
    public SortedDictionary<PeerId, (GroupMember Member, bool IsVoter)> Bonds { get; } = [];

    /// <summary>Bonded voters that have shown it a log which is not empty.</summary>
    public HashSet<PeerId> Founded { get; } = [];

    /// <summary>When the bond of a member ended last, on the node's clock; whether it said good-bye.</summary>
    public Dictionary<GroupMember, (TimeSpan At, bool HasDeparted)> Losses { get; } = [];

    public bool IsAuthorized { get; set; } = true;

    /// <summary>Whether its entries of term 1 come from a catch-up that did not say yet whose founding they are.</summary>
    public bool IsFoundingUnknown { get; set; }

    /// <summary>Whose founding it took its entries of term 1 for, before the current turn.</summary>
    public UniqueId? Founding { get; set; }

    public bool Online { get; set; }

    public bool IsCatchingUp { get; set; }

    /// <summary>Events of the core before the current turn.</summary>
    public int Events { get; set; }

    /// <summary>A leader's last broadcast.</summary>
    public TimeSpan BroadcastAt { get; set; }

    /// <summary>The committed index in it.</summary>
    public ulong Announced { get; set; }

    /// <summary>A leader's committed index at its last two heartbeats.</summary>
    public (ulong Last, ulong Previous) AtHeartbeat { get; set; }

    /// <summary>Whether a heartbeat is due in the current input, on a leader that has bonds.</summary>
    public bool IsTick { get; set; }

    /// <summary>When it reported last that too few members are there.</summary>
    public TimeSpan ToldFewAt { get; set; } = TimeSpan.FromSeconds(-30);

    /// <summary>When it reported last that too many voters are there.</summary>
    public TimeSpan ToldManyAt { get; set; } = TimeSpan.FromSeconds(-30);

    /// <summary>Why it removes the members whose removal it has proposed: by place and term.</summary>
    public Dictionary<(ulong Index, Term Term), VoterRemoval> Removals { get; } = [];

    public Term Term { get; set; }

    public GroupMember? Vote { get; set; }

    public RaftRole Role { get; set; }

    public LogCursor Committed { get; set; }

    public PeerId? Leader { get; set; }

    public TimeSpan ElectionDeadline { get; set; } = TimeSpan.MaxValue;

    public int Resets { get; set; }

    public int Divergences { get; set; }

    public int StateChecked { get; set; }

    public ulong StateIndex { get; set; }

    /// <summary>The stripe of its terms above the founding one; null before the first.</summary>
    public ulong? Stripe { get; set; }

    public bool HasCampaigned { get; set; }

    /// <summary>Terms in which an outsider asked that cannot win, while nobody may have led.</summary>
    public HashSet<Term> Asked { get; } = [];

    /// <summary>The greatest one of these while certainly nobody led: it has to be outrun.</summary>
    public Term Outrun { get; set; }

    /// <summary>Terms in which this process has asked for votes.</summary>
    public HashSet<Term> Campaigns { get; } = [];

    /// <summary>When the leader it follows was heard last, on the node's clock.</summary>
    public TimeSpan LeaderHeardAt { get; set; } = TimeSpan.MinValue;

    /// <summary>Its own candidacy or leadership; null as a follower.</summary>
    public Candidacy? Candidacy { get; set; }

    /// <summary>Who sent entries of which term in the current turn.</summary>
    public List<(PeerId Leader, Term Term)> HeardFrom { get; } = [];

    /// <summary>Where the last entries of each leader and term end that came in the current turn.</summary>
    public Dictionary<(PeerId Leader, Term Term), ulong> Ends { get; } = [];

    /// <summary>The greatest round heard from the leader of each term.</summary>
    public Dictionary<(PeerId Leader, Term Term), ulong> Rounds { get; } = [];

    /// <summary>The greatest committed index heard from the leader of each term.</summary>
    public Dictionary<(PeerId Leader, Term Term), ulong> Commits { get; } = [];

    /// <summary>Peers whose bond gave way to one with a successor in the current turn; plain ones look the same.</summary>
    public HashSet<PeerId> Replaced { get; } = [];

    /// <summary>Commands that reached it in the current turn, called here or forwarded, in order.</summary>
    public List<string> Called { get; } = [];

    /// <summary>How many commands each of these calls has.</summary>
    public HashSet<int> CallSizes { get; } = [];

    /// <summary>What it sent because of the current input.</summary>
    public List<(PeerId? To, byte[] Message)> Outbox { get; } = [];

    public LogCursor Last => Log.Count == 0 ? LogCursor.Zero : new LogCursor(Log[^1].Term, new LogIndex((ulong)Log.Count));

    /// <summary>The entries about the roster that are in the log.</summary>
    public List<(ulong Index, RosterEntry Entry)> Rosters { get; } = [];

    /// <summary>Whether a bond with a peer is extended: both ends understand what trails a message.</summary>
    public bool IsExtended(ClusterNode peer) => !Node.IsPlain && !peer.IsPlain;

    /// <summary>A peer as this process knows it: on a plain bond without incarnation.</summary>
    public GroupMember Seen(ClusterNode peer) => IsExtended(peer) ? peer.Member : new GroupMember(peer.Peer, Incarnation.None);

    public bool IsBonded(GroupMember member) => Bonds.TryGetValue(member.PeerId, out var bond) && bond.Member == member;

    public bool IsPresent(GroupMember member) => member == Node.Member || IsBonded(member);

    public void Truncate(int count)
    {
        Log.RemoveRange(count, Log.Count - count);
        Rosters.RemoveAll(r => r.Index > (ulong)count);
    }

    public void Append(LogEntry entry)
    {
        Log.Add(entry);
        if (Node.Settings.IsMajority && RosterEntry.IsAboutRoster(entry.Bytes.Span)
            && RosterEntry.TryRead(entry.Bytes.Span, Node.Settings.Voters, out RosterEntry? roster))
            Rosters.Add(((ulong)Log.Count, roster!));
    }

    /// <summary>The roster of the last roster entry at or below an index, and where it is; null before the founding.</summary>
    public (Roster Roster, ulong Index)? RosterAt(ulong index)
    {
        int at = Rosters.FindLastIndex(r => r.Index <= index);
        return at < 0 ? null : (Rosters[at].Entry.Roster, Rosters[at].Index);
    }

    /// <summary>The bond with another process is there, or in the place of one with its predecessor.</summary>
    public void Bond(ClusterNode peer)
    {
        if (Bonds.ContainsKey(peer.Peer))
            Replaced.Add(peer.Peer);
        Unbond(peer.Peer, hasDeparted: false);
        Losses.Remove(Seen(peer));
        Bonds[peer.Peer] = (Seen(peer), peer.Settings.IsVoter);
    }

    public void Unbond(PeerId peer, bool hasDeparted)
    {
        if (!Bonds.Remove(peer, out var gone))
            return;
        Founded.Remove(peer);
        HeardFrom.RemoveAll(h => h.Leader == peer);
        foreach ((PeerId Leader, Term Term) key in Ends.Keys.Where(k => k.Leader == peer).ToArray())
            Ends.Remove(key);
        if (peer == Leader)
            LeaderHeardAt = TimeSpan.MinValue;
        Candidacy?.Committee.Remove(gone.Member);
        foreach (var read in Candidacy?.Reads.Keys.Where(r => r.Asker == peer).ToArray() ?? [])
            Candidacy!.Reads.Remove(read);   // there is one where keys were found
        if (RosterAt(ulong.MaxValue)?.Roster.Contains(gone.Member) == true)
        {
            Losses[gone.Member] = (Node.Now, hasDeparted);
            return;
        }

        Candidacy?.HeardAt.Remove(gone.Member);
        Candidacy?.Acknowledged.Remove(gone.Member);
    }
}

/// <summary>One term in which a process asked for votes, and led if it got them: what others told it.</summary>
internal sealed class Candidacy(Term term, GroupMember self, IEnumerable<GroupMember> bonded)
{
    public Term Term { get; } = term;

    public HashSet<GroupMember> Requested { get; } = [self, .. bonded];

    public HashSet<GroupMember> Granted { get; } = [self];

    public HashSet<GroupMember> Abstained { get; } = [];

    /// <summary>Length of the log at the election; null while it is a candidate.</summary>
    public ulong? ElectedAtIndex { get; set; }

    public TimeSpan ElectedAt { get; set; }

    /// <summary>Whether it has led without a bond: its heartbeats do not show then.</summary>
    public bool WasAlone { get; set; }

    /// <summary>The step at which an entry of its own term was committed first.</summary>
    public long? SettledAt { get; set; }

    /// <summary>Majority: forwarded reads it has taken: the step, and the time on its clock.</summary>
    public Dictionary<(PeerId Asker, ulong Request), (long Step, TimeSpan At)> Reads { get; } = [];

    /// <summary>Available: who counts, and what each has acknowledged.</summary>
    public Dictionary<GroupMember, ulong> Committee { get; } = [];

    /// <summary>Majority: what each process has acknowledged, counted or not.</summary>
    public Dictionary<GroupMember, ulong> Acknowledged { get; } = [];

    /// <summary>When each process answered last.</summary>
    public Dictionary<GroupMember, TimeSpan> HeardAt { get; } = [];

    /// <summary>The step at which each round was sent.</summary>
    public Dictionary<ulong, long> RoundSentAt { get; } = [];

    /// <summary>The greatest round each process has answered.</summary>
    public Dictionary<GroupMember, ulong> Answered { get; } = [];
}
