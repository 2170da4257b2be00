using System.Diagnostics.CodeAnalysis;

namespace Mosaik.Groups;

/// <summary>A log in memory, gone with the process: the default of every group.</summary>
/// <remarks>
/// spec/groups.md §9, §15.3. Entries lie in segments of fixed size, terms apart from bytes: a look-up is two array accesses,
/// pruning drops whole segments, nothing is ever moved. Bytes are kept as they were given, usually slices of a received frame.
/// </remarks>
[SuppressMessage("Naming", "CA1710:Identifiers should have correct suffix", Justification = "The field's word.")]
public sealed class InMemoryLogStore : ILogStore
{
    private const int SegmentLength = 1024;

    private readonly List<Segment> _segments = [];

    // The index of the entry before the first slot of the first segment.
    private ulong _origin;
    private LogCursor _boundary;
    private ulong _last;

    /// <inheritdoc/>
    public LogRange Available => new(_boundary.Index, new LogIndex(_last));

    /// <inheritdoc/>
    public LogCursor Last => _last == _boundary.Index.Value
        ? _boundary
        : new LogCursor(new Term(TermOf(_last)), new LogIndex(_last));

    /// <inheritdoc/>
    public LogIndex Append(Term term, ReadOnlyMemory<byte> entry)
    {
        ulong slot = _last - _origin;
        int segment = (int)(slot / SegmentLength);
        if (segment == _segments.Count)
            _segments.Add(new Segment());
        _segments[segment].Terms[slot % SegmentLength] = term.Value;
        _segments[segment].Bytes[slot % SegmentLength] = entry;
        return new LogIndex(++_last);
    }

    /// <inheritdoc/>
    public bool TryGet(LogIndex index, out LogEntry entry)
    {
        if (index <= _boundary.Index || index.Value > _last)
        {
            entry = default;
            return false;
        }

        ulong slot = index.Value - 1 - _origin;
        Segment segment = _segments[(int)(slot / SegmentLength)];
        entry = new LogEntry(new Term(segment.Terms[slot % SegmentLength]), segment.Bytes[slot % SegmentLength]);
        return true;
    }

    /// <inheritdoc/>
    public IReadOnlyList<LogEntry> GetRange(LogRange range)
    {
        ulong start = Math.Max(range.Start.Value, _boundary.Index.Value + 1);
        ulong end = Math.Min(range.End.Value, _last);
        if (end < start)
            return [];
        var entries = new LogEntry[end - start + 1];
        for (int i = 0; i < entries.Length; i++)
            _ = TryGet(new LogIndex(start + (ulong)i), out entries[i]);
        return entries;
    }

    /// <inheritdoc/>
    public Term? TermAt(LogIndex index)
    {
        if (index == _boundary.Index)
            return _boundary.Term;
        if (index.IsZero)
            return Term.Zero;
        return index < _boundary.Index || index.Value > _last ? null : new Term(TermOf(index.Value));
    }

    /// <inheritdoc/>
    public void Truncate(LogIndex at)
    {
        ulong keep = Math.Max(at.Previous.Value, _boundary.Index.Value);
        if (keep >= _last)
            return;
        ulong first = keep - _origin;
        int segments = (int)((first + SegmentLength - 1) / SegmentLength);
        if (segments < _segments.Count)
            _segments.RemoveRange(segments, _segments.Count - segments);

        // What stays behind in a kept segment would hold the frames of removed entries in memory.
        if (first % SegmentLength != 0)
            Array.Clear(_segments[segments - 1].Bytes, (int)(first % SegmentLength), SegmentLength - (int)(first % SegmentLength));
        _last = keep;
    }

    /// <inheritdoc/>
    public void PrunePrefix(LogIndex upTo)
    {
        ulong boundary = Math.Min(upTo.Value, _last);
        if (boundary <= _boundary.Index.Value)
            return;
        ulong from = _boundary.Index.Value;
        _boundary = new LogCursor(new Term(TermOf(boundary)), new LogIndex(boundary));
        int whole = (int)((boundary - _origin) / SegmentLength);
        if (whole > 0)
        {
            _segments.RemoveRange(0, whole);
            _origin += (ulong)whole * SegmentLength;
            from = Math.Max(from, _origin);
        }

        if (boundary > from)
            Array.Clear(_segments[0].Bytes, (int)(from - _origin), (int)(boundary - from));
    }

    /// <inheritdoc/>
    public void ResetTo(LogCursor cursor)
    {
        _segments.Clear();
        _boundary = cursor;
        _last = _origin = cursor.Index.Value;
    }

    private ulong TermOf(ulong index)
    {
        ulong slot = index - 1 - _origin;
        return _segments[(int)(slot / SegmentLength)].Terms[slot % SegmentLength];
    }

    private sealed class Segment
    {
        public readonly ulong[] Terms = new ulong[SegmentLength];
        public readonly ReadOnlyMemory<byte>[] Bytes = new ReadOnlyMemory<byte>[SegmentLength];
    }
}
