using Mosaik.Groups.Raft;

namespace Mosaik.Groups.Sync;

/// <summary>Brings one member's log in line with its leader's.</summary>
internal interface ISyncCatchUp
{
    /// <summary>When <see cref="Advance"/> is due.</summary>
    TimeSpan NextDeadline { get; }

    /// <summary>A message of state sync that the provider did not take.</summary>
    SyncReception Receive(BondView sender, ReadOnlyMemory<byte> message);

    /// <summary>Entries of the leader that do not follow the log yet.</summary>
    void Buffer(in AppendEntries message);

    /// <summary>A bond was made.</summary>
    void BondUp(BondView bond);

    /// <summary>A bond other than the leader's ended.</summary>
    void BondDown(BondView bond);

    /// <summary>Starts, and later does what is due.</summary>
    void Advance(TimeSpan now);
}
