using Microsoft.Extensions.Logging;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>Log messages of groups; event ids 4xxx.</summary>
internal static partial class GroupsLog
{
    [LoggerMessage(4001, LogLevel.Information, "Group {Group:S}: joined; its full id is {Id}.")]
    public static partial void GroupJoined(ILogger logger, GroupId group, GroupId id);

    [LoggerMessage(4002, LogLevel.Information, "Group {Group:S}: left.")]
    public static partial void GroupLeft(ILogger logger, GroupId group);

    [LoggerMessage(4003, LogLevel.Error, "Group {Group:S}: ended on this node, because of a failure.")]
    public static partial void GroupFailed(ILogger logger, Exception cause, GroupId group);

    [LoggerMessage(4004, LogLevel.Warning, "Group {Group:S}: joined again; {Differences} of the second call are not used.")]
    public static partial void JoinedAgain(ILogger logger, GroupId group, string differences);

    [LoggerMessage(4005, LogLevel.Warning, "Group {Group:S}: the leadership token's callbacks failed.")]
    public static partial void LeadershipCallbackFailed(ILogger logger, Exception cause, GroupId group);

    [LoggerMessage(4011, LogLevel.Information, "Group {Group:S}: bonded with {Peer:S}.")]
    public static partial void BondFormed(ILogger logger, GroupId group, PeerId peer);

    [LoggerMessage(4012, LogLevel.Information, "Group {Group:S}: bond with {Peer:S} lost: {Code}.")]
    public static partial void BondLost(ILogger logger, GroupId group, PeerId peer, CloseCode code);

    [LoggerMessage(EventId = 4013, Message = "Group {Group:S}: {Peer:S} could not be bonded with: {Problem}")]
    public static partial void DialFailed(ILogger logger, LogLevel level, GroupId group, PeerId peer, string problem);

    [LoggerMessage(4014, LogLevel.Debug, "Group {Group:S}: handshake of {Peer:S} refused: {Code}.")]
    public static partial void HandshakeRefused(ILogger logger, GroupId group, PeerId peer, CloseCode code);

    [LoggerMessage(4015, LogLevel.Debug, "A handshake of {Peer:S} ended before it began: {Problem}")]
    public static partial void HandshakeFailed(ILogger logger, PeerId peer, string problem);

    [LoggerMessage(4016, LogLevel.Warning,
        "Group {Group:S}: the bond with {Peer:S} is too slow; it skips entries ({Suppressed} similar messages " +
        "suppressed).")]
    public static partial void SlowBond(ILogger logger, GroupId group, PeerId peer, int suppressed);

    [LoggerMessage(4017, LogLevel.Error, "Group {Group:S}: the bond with {Peer:S} failed.")]
    public static partial void BondFailed(ILogger logger, Exception error, GroupId group, PeerId peer);

    [LoggerMessage(4018, LogLevel.Warning,
        "Group {Group:S}: {Peer:S} sent {Count} peer entries that do not verify ({Suppressed} similar " +
        "messages suppressed).")]
    public static partial void InvalidEntries(ILogger logger, GroupId group, PeerId peer, int count, int suppressed);

    [LoggerMessage(4019, LogLevel.Warning, "Group {Group:S}: the ticket validators failed for {Peer:S}, which counts as no.")]
    public static partial void ValidatorFailed(ILogger logger, Exception error, GroupId group, PeerId peer);

    [LoggerMessage(4020, LogLevel.Warning, "Group {Group:S}: this node's own tickets are not valid; it takes no part.")]
    public static partial void Unauthorized(ILogger logger, GroupId group);

    [LoggerMessage(4031, LogLevel.Debug, "Group {Group:S}: election in term {Term}.")]
    public static partial void ElectionStarted(ILogger logger, GroupId group, Term term);

    [LoggerMessage(4032, LogLevel.Information, "Group {Group:S}: {Leader:S} leads in term {Term}.")]
    public static partial void LeaderElected(ILogger logger, GroupId group, PeerId leader, Term term);

    [LoggerMessage(4033, LogLevel.Information, "Group {Group:S}: {Leader:S} leads no longer, term {Term}.")]
    public static partial void LeaderLost(ILogger logger, GroupId group, PeerId leader, Term term);

    [LoggerMessage(4034, LogLevel.Information, "Group {Group:S}: {Rival:S} leads in term {Term} too; a new election decides.")]
    public static partial void RivalLeader(ILogger logger, GroupId group, PeerId rival, Term term);

    [LoggerMessage(4035, LogLevel.Information,
        "Group {Group:S}: {Leader:S} is not followed in term {Term}: its log ends at {End}, committed here is " +
        "{Committed}.")]
    public static partial void RefusedLeader(
        ILogger logger, GroupId group, PeerId leader, Term term, LogCursor end, LogCursor committed);

    [LoggerMessage(4036, LogLevel.Information, "Group {Group:S}: catching up with {Leader:S} from {Last} to {Target}.")]
    public static partial void CatchUpStarted(ILogger logger, GroupId group, PeerId leader, LogCursor last, LogCursor target);

    [LoggerMessage(4037, LogLevel.Information, "Group {Group:S}: caught up with {Leader:S} at {Last}.")]
    public static partial void CatchUpCompleted(ILogger logger, GroupId group, PeerId leader, LogCursor last);

    [LoggerMessage(4038, LogLevel.Warning,
        "Group {Group:S}: committed entries were taken back, from {From} to {To}, because leader {Leader:S} " +
        "has others.")]
    public static partial void Diverged(ILogger logger, GroupId group, LogCursor from, LogCursor to, PeerId leader);

    [LoggerMessage(4039, LogLevel.Warning,
        "Group {Group:S}: committed entries from {To} to {From} had to be taken back for leader {Leader:S}, " +
        "but the machine cannot be rebuilt; the group stays offline here. Join with a factory, or implement " +
        "IResettable.")]
    public static partial void MachineNotRebuildable(ILogger logger, GroupId group, LogCursor from, LogCursor to, PeerId leader);

    [LoggerMessage(4040, LogLevel.Warning,
        "Group {Group:S}: {Seen} voter processes are running, at most {Limit} may; start further copies as " +
        "learners.")]
    public static partial void TooManyVoters(ILogger logger, GroupId group, int seen, int limit);

    [LoggerMessage(4041, LogLevel.Warning, "Group {Group:S}: {Present} voters are present, {Needed} are needed; writes fail.")]
    public static partial void NoQuorum(ILogger logger, GroupId group, int present, int needed);

    [LoggerMessage(4042, LogLevel.Information, "Group {Group:S}: voter {Member} was added at {Index}; members now: {Members}.")]
    public static partial void VoterAdded(ILogger logger, GroupId group, GroupMember member, LogIndex index, int members);

    [LoggerMessage(4043, LogLevel.Information,
        "Group {Group:S}: voter {Member} was removed at {Index} ({Reason}); members now: {Members}.")]
    public static partial void VoterRemoved(
        ILogger logger, GroupId group, GroupMember member, string reason, LogIndex index, int members);
}
