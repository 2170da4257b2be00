using Mosaik.Groups.Raft;

namespace Mosaik.Groups.Sync;

/// <summary>Log replay: the log is kept whole, whoever is behind fetches entries (spec/groups.md §6.9, §11.2).</summary>
internal sealed class LogReplayScheme : ISyncScheme
{
    private LogReplayScheme()
    {
    }

    /// <summary>It has no state of its own.</summary>
    public static LogReplayScheme Instance { get; } = new();

    /// <inheritdoc/>
    public bool KeepsHistory => true;

    /// <inheritdoc/>
    public ISyncProvider CreateProvider(ISyncHost host) => new LogReplayProvider(host);

    /// <inheritdoc/>
    public ISyncCatchUp CreateCatchUp(ISyncHost host, BondView leader, in AppendEntries first) =>
        new LogReplayCatchUp(host, leader, first);
}
