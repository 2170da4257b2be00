using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Primitives;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Simulation.Raft.Oracle;

/// <summary>
/// Judges a cluster from outside: the invariants of spec/groups-safety.md §9, and the rules of §5 and §7 as far as they show
/// in messages and published state.
/// </summary>
/// <remarks>
/// It keeps its own books (who voted, who acknowledged what, which round was sent when) from the messages delivered, and
/// shares no logic with the core. A rule that is broken is told at the step that breaks it, long before it does harm.
/// </remarks>
internal sealed partial class RaftOracle(RaftCluster cluster, bool isMajority) : IClusterObserver
{
    private readonly Dictionary<ClusterNode, NodeView> _views = [];
    private readonly HashSet<ClusterNode> _gone = [];

    /// <summary>Inputs so far: the clock of the whole world.</summary>
    public long Step { get; private set; }

    /// <summary>Whether some members send no extension block: whose founding entries are cannot always be told then.</summary>
    public bool HasPlain { get; init; }

    /// <summary>
    /// Whether a majority of every roster keeps its memory. Beyond that nothing is promised of different processes, only that
    /// none of them goes back on what it has committed (spec/groups-safety.md §7.4, §7.10).
    /// </summary>
    public bool IsWithinBudget { get; init; } = true;

    /// <summary>The clients' side.</summary>
    public ClientHistory History { get; } = new();

    public NodeView this[ClusterNode node] => _views[node];

    /// <summary>A process is gone: nothing more is expected of it.</summary>
    public void Forget(ClusterNode node)
    {
        _views.Remove(node);
        _gone.Add(node);
        History.Crashed(node);
    }

    public void Before(ClusterNode node, in ClusterInput input)
    {
        Step++;
        if (_gone.Contains(node))
            return;
        if (!_views.TryGetValue(node, out NodeView? view))
            _views.Add(node, view = new NodeView(node));
        if (view.Inputs++ == 0)
        {
            view.Outbox.Clear();
            view.Called.Clear();
            view.CallSizes.Clear();
            view.Replaced.Clear();
            view.ElectionDeadline = node.Core.ElectionDeadline;
            view.TurnBegan = Step - 1;
        }

        NoteCalled(view, input);
        view.IsTick = false;
        switch (input.Kind)
        {
            case InputKind.Message:
                Receiving(view, input.From!, input.Message!);
                break;
            case InputKind.Submit or InputKind.Query:
                History.Begin(node, input, Step);
                break;
            case InputKind.Timer:
                NoteHeartbeat(view);
                break;
            case InputKind.BondUp:
                view.Bond(input.From!);
                break;
            case InputKind.BondDown:
                view.Unbond(input.From!.Peer, input.HasDeparted);
                break;
            case InputKind.Tickets:
                view.IsAuthorized = input.IsAuthorized;
                break;
        }
    }

    public void Sent(ClusterNode node, PeerId? to, byte[] message)
    {
        if (_views.TryGetValue(node, out NodeView? view))
            view.Outbox.Add((to, message));
    }

    public void After(ClusterNode node, in ClusterInput input, int inputs)
    {
        if (!_views.TryGetValue(node, out NodeView? view))
            return;
        if (node.Core.State == RaftState.Terminated)
        {
            CheckTermination(view);
            Forget(node);
            return;
        }

        CheckTermAndVote(view, input);
        if (inputs == 1)
            CheckUnmoved(view, input);
        CheckCandidacy(view, input, inputs);
        CheckLog(view);
        CheckElection(view);
        CheckCommit(view, input);
        CheckState(view);
        CheckRosters(view);
        CheckLineage(view);
        CheckOutbox(view);
        if (inputs == 1)
            CheckAnswer(view, input);
        CheckTurn(view, inputs);
        CheckLeader(view, input, inputs);
        CheckDuties(view, input, inputs);
        CheckTimers(view, input, inputs);
        CheckReads(view, input);
        CheckCalls(view, input, inputs);
        CheckEndings(view, input, inputs);
        CheckEvents(view, input, inputs);
        History.Complete(node, Step);
        Require(node.Closes.Count == 0, "I18", view, "closed a bond with an honest member");
        Require(node.Termination is null, "I18", view, $"ended: {node.Termination}");
        Take(view, input);
    }

    // The end of a process is the last resort of rule 10: its leader has something else where it has committed, and that stays.
    private void CheckTermination(NodeView view)
    {
        Require(!IsWithinBudget, "I18", view, $"ended: {view.Node.Termination}");
        CheckLog(view);
        int committed = (int)view.Node.Core.Committed.Index.Value;
        Require(LeaderOf(view, view.Node.Core.Leader) is { } theirs && Enumerable.Range(0, committed)
            .Any(i => i >= theirs.Log.Count || !IsSame(view.Log[i], theirs.Log[i])), "I18", view, "ended, and its leader has what it has");
    }

    private static InvariantViolationException Violation(string invariant, NodeView view, string what) =>
        new(invariant, $"{view.Node.Name} {what}; {view.Node}");

    private static void Require(bool condition, string invariant, NodeView view, string what)
    {
        if (!condition)
            throw Violation(invariant, view, what);
    }

    private ClusterNode? ProcessOf(PeerId peer) => cluster.Nodes.FirstOrDefault(n => n.Peer == peer);

    // Terms and votes of a process only go forward (I11); candidates and nodes without leader publish none (H12).
    private static void CheckTermAndVote(NodeView view, in ClusterInput input)
    {
        RaftCore core = view.Node.Core;
        Require(core.Term >= view.Term, "I11", view, $"went back from term {view.Term}");
        Require(core.Term > view.Term || view.Vote is null || core.VotedFor == view.Vote, "I11", view,
            $"changed its vote in term {core.Term} from {view.Vote} to {core.VotedFor}");
        Require(core.Role != RaftRole.Candidate || (core.Leader is null && !core.Online), "H12", view, "publishes a leader as candidate");
        Require(!core.Online || core.Leader is not null, "I14", view, "is online without a leader");
        Require(view.IsAuthorized || (!core.Online && core.Role == RaftRole.Follower), "I14", view, "takes part without tickets");
        Require(core.Role != RaftRole.Leader || core.Leader == view.Node.Peer, "H12", view, "leads and does not say so");
        if (input.Kind == InputKind.Start)
            Require(!core.Online, "I14", view, "is online at the start");
    }

    // Only entries, a greater term, votes that elect, tickets and timers change who leads; and a leader that is removed goes.
    private void CheckUnmoved(NodeView view, in ClusterInput input)
    {
        RaftCore core = view.Node.Core;
        if (input.Kind is InputKind.Start or InputKind.Timer or InputKind.Tickets or InputKind.Other
            || (input.Kind == InputKind.Message && TermOf(input.Message!) is { } term && term > view.Term)
            || (input.Kind == InputKind.Message && (RaftMessageKind)input.Message![0] == RaftMessageKind.AppendEntries))
            return;
        bool isElected = view.Role == RaftRole.Candidate && core.Role == RaftRole.Leader && input.Kind == InputKind.Message;
        bool isRemoved = view.Role == RaftRole.Leader && core.Role == RaftRole.Follower
            && view.RosterAt(ulong.MaxValue) is { } inForce && !inForce.Roster.Contains(view.Node.Member);
        Require(isElected || isRemoved || (core.Role == view.Role && core.Leader == view.Leader && core.Term == view.Term), "MOVED", view,
            $"was {view.Role} in term {view.Term}, and nothing has happened that ends that");
    }

    private static Term? TermOf(byte[] message) => (RaftMessageKind)message[0] switch
    {
        RaftMessageKind.RequestVote when RequestVote.TryRead(message, true, out RequestVote request) => request.Term,
        RaftMessageKind.RequestVoteResponse when RequestVoteResponse.TryRead(message, true, out RequestVoteResponse vote) => vote.Term,
        RaftMessageKind.AppendEntriesResponse
            when AppendEntriesResponse.TryRead(message, true, out AppendEntriesResponse response) => response.Term,
        _ => null,
    };

    // The state is the fold of the own log up to the committed index, also after a rebuild (I8).
    private void CheckState(NodeView view)
    {
        JournalMachine machine = view.Node.Machine;
        ulong committed = view.Node.Core.Committed.Index.Value;
        if (machine.Resets != view.Resets || committed < view.StateIndex)
        {
            view.StateChecked = 0;
            view.StateIndex = 0;
        }

        while (view.StateIndex < committed && view.StateIndex < (ulong)view.Log.Count)
        {
            if (CommandOf(view.Log[(int)view.StateIndex++]) is not { } command)
                continue;
            Require(view.StateChecked < machine.State.Count && machine.State[view.StateChecked] == command, "I8", view,
                $"has not applied {command} as command {view.StateChecked}");
            (ulong index, Term term) = machine.Places[view.StateChecked];
            Require(index == view.StateIndex && term == view.Log[(int)view.StateIndex - 1].Term, "I8", view,
                $"told the machine that {command} is entry {index} of term {term}; it is {view.StateIndex}");
            view.StateChecked++;
        }

        Require(machine.State.Count == view.StateChecked, "I8", view,
            $"has applied {machine.State.Count} commands, its committed log has {view.StateChecked}");
    }

    private string? CommandOf(LogEntry entry)
    {
        if (!isMajority)
            return JournalMachine.Decode(entry.Bytes.Span);
        return (EntryKind)entry.Bytes.Span[0] == EntryKind.Command ? JournalMachine.Decode(entry.Bytes.Span[1..]) : null;
    }

    private void Take(NodeView view, in ClusterInput input)
    {
        RaftCore core = view.Node.Core;
        bool isNewLeader = core.Leader is not null && core.Leader != view.Leader;
        bool isFromLeader = input.Kind == InputKind.Message && input.From!.Peer == core.Leader
            && (RaftMessageKind)input.Message![0] == RaftMessageKind.AppendEntries;
        bool isBonded = core.Leader is not { } peer || view.Bonds.ContainsKey(peer);
        isFromLeader |= core.Leader is { } heard && view.HeardFrom.Contains((heard, core.Term));
        view.HeardFrom.Clear();
        view.Ends.Clear();
        if (isFromLeader && core.Role == RaftRole.Follower)
            view.LeaderHeardAt = view.Node.Now;
        else if (isNewLeader || core.Leader is null || !isBonded)
            view.LeaderHeardAt = TimeSpan.MinValue;
        view.Term = core.Term;
        view.Vote = core.VotedFor;
        view.Role = core.Role;
        view.Committed = core.Committed;
        view.Leader = core.Leader;
        view.Resets = view.Node.Machine.Resets;
        view.Divergences = view.Node.Divergences.Count;
        view.Online = core.Online;
        view.Founding = core.FoundingLineage;
        view.IsCatchingUp = core.IsCatchingUp;
        view.Events = view.Node.Events.Count;
        view.Inputs = 0;
        if (core.Role == RaftRole.Follower)
            view.Candidacy = null;
    }
}
