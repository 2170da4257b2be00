using Mosaik.Groups.Raft;
using Mosaik.Primitives;

namespace Mosaik.Groups.Sync;

/// <summary>A part of the log that was asked for, or has arrived and waits for the parts before it.</summary>
internal sealed class FetchRange(PeerId source, ulong start, ulong end, bool hasOverlap, bool isProbe, TimeSpan deadline)
{
    /// <summary>Who was asked.</summary>
    public PeerId Source { get; } = source;

    /// <summary>The first index it is for.</summary>
    public ulong Start { get; } = start;

    /// <summary>The last index it is for; moves back when the answer is shorter.</summary>
    public ulong End { get; set; } = end;

    /// <summary>Whether the request started one index early, for comparison.</summary>
    public bool HasOverlap { get; } = hasOverlap;

    /// <summary>Whether it only compares one entry with the leader's.</summary>
    public bool IsProbe { get; } = isProbe;

    /// <summary>When the answer is overdue.</summary>
    public TimeSpan Deadline { get; } = deadline;

    /// <summary>What was asked for.</summary>
    public LogRange Asked => LogRange.Of(HasOverlap ? Start - 1 : Start, End);

    /// <summary>Whether the answer is there.</summary>
    public bool HasArrived { get; set; }

    /// <summary>The answer.</summary>
    public EntryBlock Entries { get; set; }
}
