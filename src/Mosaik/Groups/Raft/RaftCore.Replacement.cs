using System.Runtime.InteropServices;

namespace Mosaik.Groups.Raft;

// Lost voters are replaced one by one through the log: first one is added, then one removed (spec/groups-safety.md §7.16;
// single-server changes, Ongaro 2014, §4.1).
internal sealed partial class RaftCore
{
    // Of members whose bonds are gone; what is not here counts from the own election.
    private readonly Dictionary<GroupMember, Loss> _losses = [];
    private (GroupMember Member, VoterRemoval Reason)? _removal;

    // What was committed at the last two heartbeats of this term; nothing counts as old enough before the second one.
    private ulong _commitAtTick;
    private ulong _commitAtPreviousTick;

    private void NoteLoss(GroupMember member, bool departed)
    {
        if (_settings.IsMajority && _rosters.Current?.Contains(member) == true)
            _losses[member] = new Loss(_now, departed);
        if (_losses.Count > 4 * (_settings.Voters + 1))
            ForgetStrangers();
    }

    private void ForgetLoss(GroupMember member) => _losses.Remove(member);

    private void ForgetStrangers()
    {
        foreach (GroupMember member in _losses.Keys.Where(m => _rosters.Current?.Contains(m) != true).ToArray())
            _losses.Remove(member);
    }

    private void OnHeartbeatTick()
    {
        _commitAtPreviousTick = _commitAtTick;
        _commitAtTick = _committed.Index.Value;
        int voters = BondedVoters + (_settings.IsVoter ? 1 : 0);
        int limit = _settings.Voters + (_settings.Voters / 2);
        if (voters > limit)
            ReportTooManyVoters(voters, limit);
    }

    /// <summary>Proposes the next change if one is due, or leaves the lead to a member (rules 2 and 7).</summary>
    private void ChangeRoster()
    {
        if (_rosters.Current is not { } roster || _committed.Term != _term || _rosters.LastIndex > _committed.Index.Value)
            return;
        if (!roster.Contains(_settings.Member))
        {
            Heartbeat();
            BecomeFollower(_term);
            return;
        }

        RosterEntry? change = roster.Count <= _settings.Voters ? ProposeAdd(roster) : ProposeRemove(roster);
        if (change is not null && CanCommit(change.Roster))
            AppendOwn(change.Encode());
    }

    private RosterEntry? ProposeAdd(Roster roster)
    {
        GroupMember? chosen = null;
        bool isSuccessor = false;
        bool isAnyLost = false;
        foreach (GroupMember member in roster.Members)
        {
            if (ReasonOf(member) is null)
                continue;
            isAnyLost = true;

            // The one that comes back under the same name, if it is there.
            if (!isSuccessor && _bonds.Find(member.PeerId) is { } bond && IsCandidate(bond, roster))
            {
                chosen = bond.Member;
                isSuccessor = true;
            }
        }

        if (!isAnyLost)
            return null;
        foreach (BondView bond in _bonds)
        {
            if (chosen is null && IsCandidate(bond, roster))
                chosen = bond.Member;
        }

        return chosen is { } added ? new RosterEntry(RosterChangeKind.Add, added, roster.With(added)) : null;
    }

    private bool IsCandidate(BondView bond, Roster roster)
    {
        if (!bond.IsVoter || roster.Contains(bond.Member) || _progress is not { } progress)
            return false;
        return progress.HeardAt(bond.Member) is not null
            && progress.IndexOf(bond.Member) >= Math.Min(_committed.Index.Value, _commitAtPreviousTick);
    }

    private RosterEntry? ProposeRemove(Roster roster)
    {
        (GroupMember Member, VoterRemoval Reason)? chosen = null;
        bool isAnyAbsent = false;
        foreach (GroupMember member in roster.Members)
        {
            if (ReasonOf(member) is { } reason)
            {
                if (chosen is not { } best || IsBefore(member, reason, best.Member, best.Reason))
                    chosen = (member, reason);
            }
            else if (!IsPresent(member))
            {
                isAnyAbsent = true;
            }
        }

        if (chosen is null && isAnyAbsent)
            return null;
        _removal = chosen ?? (_rosters.Last?.Subject ?? default, VoterRemoval.Surplus);
        GroupMember removed = _removal.Value.Member;
        return roster.Contains(removed) ? new RosterEntry(RosterChangeKind.Remove, removed, roster.Without(removed)) : null;
    }

    // Superseded ones first, then departed ones, then the one longest without a bond; members come in ascending order.
    private bool IsBefore(GroupMember one, VoterRemoval oneReason, GroupMember other, VoterRemoval otherReason)
    {
        if (oneReason != otherReason)
            return oneReason < otherReason;
        return oneReason == VoterRemoval.Absent && AbsentSince(one) < AbsentSince(other);
    }

    /// <summary>Why a member of the roster is lost; null when it is present, or only absent (rule 1).</summary>
    private VoterRemoval? ReasonOf(GroupMember member)
    {
        if (IsPresent(member))
            return null;
        if (_bonds.Contains(member.PeerId) || member.PeerId == _settings.Self)
            return VoterRemoval.Superseded;
        if (_losses.TryGetValue(member, out Loss loss) && loss.HasDeparted)
            return VoterRemoval.Departed;
        bool isInfinite = _settings.VoterReplacementDelay < TimeSpan.Zero;
        return !isInfinite && _now - AbsentSince(member) >= _settings.VoterReplacementDelay ? VoterRemoval.Absent : null;
    }

    private TimeSpan AbsentSince(GroupMember member) =>
        _losses.TryGetValue(member, out Loss loss) && loss.At > _electedAt ? loss.At : _electedAt;

    // Rule 3: a change that cannot be committed would block the group for good.
    private bool CanCommit(Roster proposed)
    {
        int answering = 0;
        foreach (GroupMember member in proposed.Members)
        {
            bool isAnswering = member == _settings.Member || (_bonds.Contains(member)
                && _progress?.HeardAt(member) is { } heard && _now - heard <= _settings.ElectionTimeout);
            answering += isAnswering ? 1 : 0;
        }

        return answering >= proposed.Quorum;
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Loss(TimeSpan At, bool HasDeparted);
}
