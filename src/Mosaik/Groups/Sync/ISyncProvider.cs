using Mosaik.Groups.Raft;

namespace Mosaik.Groups.Sync;

/// <summary>Serves those that catch up.</summary>
internal interface ISyncProvider
{
    /// <summary>Up to where it needs no entries any more; 0 = it needs all.</summary>
    LogIndex SafeToPrune { get; }

    /// <summary>When <see cref="Advance"/> is due.</summary>
    TimeSpan NextDeadline { get; }

    /// <summary>A message of state sync.</summary>
    SyncReception Receive(BondView sender, ReadOnlyMemory<byte> message);

    /// <summary>The committed index advanced.</summary>
    void Committed(LogCursor committed);

    /// <summary>A bond was made.</summary>
    void BondUp(BondView bond);

    /// <summary>A bond ended.</summary>
    void BondDown(BondView bond);

    /// <summary>Does what is due.</summary>
    void Advance(TimeSpan now);
}
