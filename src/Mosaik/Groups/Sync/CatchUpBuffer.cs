using Mosaik.Groups.Raft;

namespace Mosaik.Groups.Sync;

/// <summary>
/// The leader's entries that arrive while a member catches up: contiguous, behind the target, and bounded
/// (spec/groups.md §6.9, rule 1).
/// </summary>
internal sealed class CatchUpBuffer(long maxBytes)
{
    private readonly List<AppendEntries> _messages = [];
    private ulong _end;
    private long _bytes;

    /// <summary>What the log has to contain before the buffer follows.</summary>
    public LogCursor Target { get; private set; }

    /// <summary>The messages in order.</summary>
    public IReadOnlyList<AppendEntries> Messages => _messages;

    /// <summary>The greatest committed index the leader has announced.</summary>
    public LogIndex LeaderCommit { get; private set; }

    /// <summary>Takes a message in. At a hole, or when it grows too large, what was there is dropped and the target moves.</summary>
    public void Add(in AppendEntries message)
    {
        if (message.LeaderCommit > LeaderCommit)
            LeaderCommit = message.LeaderCommit;
        bool isFirst = Target.IsZero;
        bool fits = _bytes + message.Entries.Size <= maxBytes;
        if (isFirst || message.Previous.Index.Value != _end || !fits)
        {
            _messages.Clear();
            _bytes = 0;
            Target = message.Previous;
            if (message.Entries.Size > maxBytes)
            {
                SkipAlong(message);
                return;
            }
        }

        _end = message.EndIndex.Value;
        if (message.Entries.Count == 0)
            return;
        _messages.Add(message);
        _bytes += message.Entries.Size;
    }

    // Larger than the whole buffer: to be fetched like everything before it.
    private void SkipAlong(in AppendEntries message)
    {
        Term last = message.Previous.Term;
        foreach (LogEntry entry in message.Entries)
            last = entry.Term;
        Target = new LogCursor(last, message.EndIndex);
        _end = message.EndIndex.Value;
    }
}
