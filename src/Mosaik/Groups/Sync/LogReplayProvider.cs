using Mosaik.Groups.Raft;

namespace Mosaik.Groups.Sync;

/// <summary>Serves entries: the leader any it has, others what is committed, whoever is not online nothing.</summary>
/// <remarks>spec/groups.md §6.9 (H3). An answer holds at most one batch and 4 MiB, but at least one entry.</remarks>
internal sealed class LogReplayProvider(ISyncHost host) : ISyncProvider
{
    private const int MaxAnswerBytes = 4 * 1024 * 1024;

    /// <inheritdoc/>
    public LogIndex SafeToPrune => LogIndex.Zero;

    /// <inheritdoc/>
    public TimeSpan NextDeadline => TimeSpan.MaxValue;

    private LogRange Served
    {
        get
        {
            if (!host.IsLeader && !host.Online)
                return default;
            LogIndex last = host.Log.Last.Index;
            LogIndex end = host.IsLeader || last < host.Committed.Index ? last : host.Committed.Index;
            return new LogRange(host.Log.Available.Start, end);
        }
    }

    /// <inheritdoc/>
    public SyncReception Receive(BondView sender, ReadOnlyMemory<byte> message)
    {
        switch (ReplayMessage.Read(message, sender.IsExtended))
        {
            case null:
                return SyncReception.Malformed;
            case ReplayMessage.AvailabilityRequest:
                host.Send(sender.Peer, ReplayMessage.AvailabilityResponseFrame(Served, host.LineageToSend));
                return SyncReception.Handled;
            case ReplayMessage.FetchRequest request when request.Range.IsEmpty:
                return SyncReception.Malformed;
            case ReplayMessage.FetchRequest request:
                Serve(sender, request.Range);
                return SyncReception.Handled;
            default:
                return SyncReception.NotMine;
        }
    }

    /// <inheritdoc/>
    public void Committed(LogCursor committed)
    {
        // Nothing depends on it: entries are read when they are asked for.
    }

    /// <inheritdoc/>
    public void BondUp(BondView bond)
    {
        // Members that catch up ask.
    }

    /// <inheritdoc/>
    public void BondDown(BondView bond)
    {
        // There are no sessions.
    }

    /// <inheritdoc/>
    public void Advance(TimeSpan now)
    {
        // There are no timers.
    }

    private void Serve(BondView sender, LogRange asked)
    {
        LogRange served = Served;
        ulong index = Math.Max(asked.Start.Value, served.Start.Value + 1);
        ulong end = Math.Min(asked.End.Value, served.End.Value);
        var entries = new List<LogEntry>();
        ulong start = index;
        long bytes = 0;
        while (index <= end && entries.Count < host.Settings.ReplayBatchSize
            && host.Log.TryGet(new LogIndex(index), out LogEntry entry)
            && (entries.Count == 0 || bytes + entry.Bytes.Length <= MaxAnswerBytes))
        {
            entries.Add(entry);
            bytes += entry.Bytes.Length;
            index++;
        }

        LogRange range = entries.Count == 0 ? default : LogRange.Of(start, index - 1);
        host.Send(sender.Peer, ReplayMessage.FetchResponseFrame(range, entries, host.LineageToSend));
    }
}
