using Mosaik.Groups.Raft;
using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Groups.Sync;

/// <summary>What a state sync sees of its group, and may do to it.</summary>
internal interface ISyncHost
{
    /// <summary>The settings.</summary>
    RaftSettings Settings { get; }

    /// <summary>The log; changed only through the members below.</summary>
    ILogStore Log { get; }

    /// <summary>What is committed.</summary>
    LogCursor Committed { get; }

    /// <summary>The bonds.</summary>
    BondTable Bonds { get; }

    /// <summary>The leader, if one is known.</summary>
    PeerId? Leader { get; }

    /// <summary>The current term.</summary>
    Term Term { get; }

    /// <summary>Majority: the roster entry that the committed state stands on, and where it is; null before the founding.</summary>
    (LogIndex Index, RosterEntry Entry)? CommittedRosterEntry { get; }

    /// <summary>For back-off and the like.</summary>
    RandomSource Random { get; }

    /// <summary>Whether this node leads.</summary>
    bool IsLeader { get; }

    /// <summary>Whether this node's log is verified, or leads.</summary>
    bool Online { get; }

    /// <summary>The time of the input being worked on.</summary>
    TimeSpan Now { get; }

    /// <summary>The lineage that goes with entries of this log; null when there is nothing to say.</summary>
    UniqueId? LineageToSend { get; }

    /// <summary>Sends a frame; its reference passes on.</summary>
    void Send(PeerId to, SharedFrame frame);

    /// <summary>Sends a frame to all bonds; its reference passes on.</summary>
    void Broadcast(SharedFrame frame);

    /// <summary>Whether the own entry at a cursor's index is the sender's (spec/groups.md §6.3).</summary>
    bool IsSameEntry(LogCursor cursor, BondView sender, UniqueId? lineage);

    /// <summary>Whether own entries of term 1 are known to be the sender's.</summary>
    bool AgreesOnFounding(BondView sender, UniqueId? lineage);

    /// <summary>Whether entries have a form that this profile allows.</summary>
    bool IsWellFormed(EntryBlock entries);

    /// <summary>
    /// Removes entries, rewinding the machine if some were committed. False: the group cannot go on, and the catch-up is over.
    /// </summary>
    bool TryTruncate(LogIndex from, PeerId leader);

    /// <summary>Appends an entry of the leader; false when it may not stand there.</summary>
    bool TryAppend(LogEntry entry);

    /// <summary>The own entries of term 1 are the leader's from now on.</summary>
    void AdoptFounding(BondView leader, UniqueId? lineage);

    /// <summary>
    /// Submits a command of the machine's own making, on the leader only and without an answer; false elsewhere.
    /// </summary>
    bool TryFeed(ReadOnlyMemory<byte> command);

    /// <summary>
    /// The machine's state was replaced by that at a cursor of the leader's log: the log is empty from there on and the
    /// cursor committed. Raises a divergence when the committed index moves backwards.
    /// </summary>
    /// <param name="leader">Whose log it is.</param>
    /// <param name="anchor">Where the state was taken.</param>
    /// <param name="lineage">Available: the leader's lineage.</param>
    /// <param name="roster">Majority: the roster the state stands on, and the index of its entry.</param>
    void Install(BondView leader, LogCursor anchor, UniqueId? lineage, (LogIndex Index, RosterEntry Entry)? roster);

    /// <summary>
    /// The log is the leader's up to an index; what was buffered follows. Ends the catch-up. False when a buffered entry
    /// may not stand where it is.
    /// </summary>
    bool TryComplete(BondView leader, LogIndex verified, IEnumerable<AppendEntries> buffered, LogIndex leaderCommit);
}
