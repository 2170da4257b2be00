using System.Runtime.InteropServices;
using Mosaik.Postcard;

namespace Mosaik.Groups.Raft;

/// <summary>
/// The entries of a received message: slices of its frame, checked once, decoded again while they are walked. Nothing is
/// allocated per entry.
/// </summary>
/// <remarks>AppendEntries writes the term before the bytes, log replay the bytes before the term (spec/groups.md §5).</remarks>
[StructLayout(LayoutKind.Auto)]
internal readonly struct EntryBlock
{
    private const int MinimumEntry = 2;

    private readonly ReadOnlyMemory<byte> _encoded;
    private readonly bool _termFirst;

    private EntryBlock(ReadOnlyMemory<byte> encoded, int count, bool termFirst, Term greatest)
    {
        _encoded = encoded;
        _termFirst = termFirst;
        Count = count;
        GreatestTerm = greatest;
    }

    /// <summary>The number of entries.</summary>
    public int Count { get; }

    /// <summary>The greatest term of an entry; 0 when there is none.</summary>
    public Term GreatestTerm { get; }

    /// <summary>Bytes they keep in memory.</summary>
    public int Size => _encoded.Length;

    /// <summary>Reads count and entries.</summary>
    /// <param name="reader">A reader over the whole of <paramref name="message"/>.</param>
    /// <param name="message">The message.</param>
    /// <param name="termFirst">Which order.</param>
    /// <param name="block">The entries.</param>
    public static bool TryRead(
        scoped ref PostcardReader reader, ReadOnlyMemory<byte> message, bool termFirst, out EntryBlock block)
    {
        block = default;
        if (!reader.TryReadCount(MinimumEntry, out int count))
            return false;
        int start = reader.Position;
        Term greatest = default;
        for (int i = 0; i < count; i++)
        {
            if (!TryReadEntry(ref reader, termFirst, out Term term, out _, out _))
                return false;
            if (term.IsZero || !RaftWire.IsSane(term))
                return reader.Fail(PostcardError.TooLarge);
            if (term > greatest)
                greatest = term;
        }

        block = new EntryBlock(message[start..reader.Position], count, termFirst, greatest);
        return true;
    }

    public Enumerator GetEnumerator() => new(this);

    private static bool TryReadEntry(
        scoped ref PostcardReader reader, bool termFirst, out Term term, out int start, out int length)
    {
        term = default;
        start = length = 0;
        if (termFirst && !Term.TryRead(ref reader, out term))
            return false;
        if (!reader.TryReadBytes(out ReadOnlySpan<byte> bytes))
            return false;
        length = bytes.Length;
        start = reader.Position - length;
        return termFirst || Term.TryRead(ref reader, out term);
    }

    /// <summary>Walks the entries in order.</summary>
    internal struct Enumerator(EntryBlock block)
    {
        private int _position;
        private int _left = block.Count;

        /// <summary>The entry.</summary>
        public LogEntry Current { get; private set; }

        public bool MoveNext()
        {
            if (_left-- <= 0)
                return false;
            var reader = new PostcardReader(block._encoded.Span[_position..]);
            _ = TryReadEntry(ref reader, block._termFirst, out Term term, out int start, out int length);
            Current = new LogEntry(term, block._encoded.Slice(_position + start, length));
            _position += reader.Position;
            return true;
        }
    }
}
