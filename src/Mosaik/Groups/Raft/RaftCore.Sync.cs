using Mosaik.Groups.Sync;
using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Groups.Raft;

// What a state sync may ask of the group (spec/groups.md §11.1).
internal sealed partial class RaftCore : ISyncHost
{
    RaftSettings ISyncHost.Settings => _settings;

    ILogStore ISyncHost.Log => _log;

    BondTable ISyncHost.Bonds => _bonds;

    bool ISyncHost.IsLeader => Role == RaftRole.Leader;

    TimeSpan ISyncHost.Now => _now;

    UniqueId? ISyncHost.LineageToSend => LineageToSend;

    void ISyncHost.Send(PeerId to, SharedFrame frame) => Send(to, frame);

    void ISyncHost.Broadcast(SharedFrame frame) => Broadcast(frame);

    bool ISyncHost.IsSameEntry(LogCursor cursor, BondView sender, UniqueId? lineage) => IsSameEntry(cursor, sender, lineage);

    bool ISyncHost.AgreesOnFounding(BondView sender, UniqueId? lineage) => AgreesOnFounding(sender, lineage);

    bool ISyncHost.IsWellFormed(EntryBlock entries) => HasGoodEntries(entries);

    bool ISyncHost.TryTruncate(LogIndex from, PeerId leader) => TruncateFrom(from.Value, leader);

    bool ISyncHost.TryAppend(LogEntry entry) => TryAppend(entry);

    void ISyncHost.AdoptFounding(BondView leader, UniqueId? lineage) => AdoptFounding(leader, lineage, _term);

    RandomSource ISyncHost.Random => _random;

    (LogIndex Index, RosterEntry Entry)? ISyncHost.CommittedRosterEntry => _rosters.LastCommitted(_committed.Index.Value);

    bool ISyncHost.TryFeed(ReadOnlyMemory<byte> command)
    {
        if (Role != RaftRole.Leader)
            return false;
        Enqueue(0, _settings.Self, null, [command], SubmitMode.Feed);
        return true;
    }

    void ISyncHost.Install(
        BondView leader, LogCursor anchor, UniqueId? lineage, (LogIndex Index, RosterEntry Entry)? roster)
    {
        LogCursor from = _committed;
        bool replaces = anchor.Index < from.Index || (anchor.Index == from.Index && anchor.Term != from.Term);
        if (replaces)
        {
            IReadOnlyList<LogEntry> lost = _log.GetRange(new LogRange(anchor.Index.Next, from.Index));
            _effects.Divergences.Add(new RaftDivergence(from, anchor, leader.Peer, [.. lost.TakeLast(MaxLostEntries)], IsRebuilt: true));
        }

        _pending.Install(anchor.Index, _effects);
        _log.ResetTo(anchor);
        _committed = anchor;
        _rosters.Reset(roster?.Index.Value ?? 0, roster?.Entry);
        _committedRoster = roster?.Entry.Roster;
        if (_settings.IsMajority)
            return;
        ForgetSameFoundings();
        leader.HasSameFounding = true;
        _lineage = lineage;
    }

    bool ISyncHost.TryComplete(BondView leader, LogIndex verified, IEnumerable<AppendEntries> buffered, LogIndex leaderCommit)
    {
        _effects.Events.Add(new RaftEvent.CatchUpCompleted(leader.Peer, _log.Last));
        _catchUp = null;
        Verified(leader, verified.Value, leaderCommit);
        foreach (AppendEntries message in buffered)
        {
            if (!Extend(leader, message with { LeaderCommit = leaderCommit }, message.Previous.Index.Value))
                return false;
            if (State != RaftState.Running)
                return true;
        }

        return true;
    }

    private void EndCatchUp() => _catchUp = null;

    // One that has stepped down without a word serves and pings on. A leader's heartbeats come between its answers, so none of
    // them is later than an answer may take.
    private void NoteSignOfLife()
    {
        if (_now < _leaderHeardAt + _settings.ReplayFetchTimeout)
            ArmElectionTimer();
    }

    private bool OnStateSync(BondView bond, ReadOnlyMemory<byte> message)
    {
        if (_catchUp is not null && bond.Peer == _leader)
            NoteSignOfLife();
        SyncReception reception = _provider.Receive(bond, message);
        if (reception == SyncReception.NotMine && _catchUp is { } catchUp)
            reception = catchUp.Receive(bond, message);

        // What answers a catch-up that has ended is late, not wrong.
        return reception != SyncReception.Malformed;
    }
}
