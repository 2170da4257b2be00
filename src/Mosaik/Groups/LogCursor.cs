using System.Runtime.InteropServices;
using Mosaik.Postcard;

namespace Mosaik.Groups;

/// <summary>
/// A position in a log: an index together with the term of the entry there. The later term wins, then the greater index.
/// </summary>
/// <remarks>
/// spec/groups.md §2.1. Compared with an index only the index counts, with a term only the term. On the wire: term, index.
/// </remarks>
/// <param name="Term">The term of the entry.</param>
/// <param name="Index">Its index.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct LogCursor(Term Term, LogIndex Index)
    : IComparable<LogCursor>, IComparable<LogIndex>, IComparable<Term>
{
    /// <summary>The position before the first entry.</summary>
    public static LogCursor Zero => default;

    /// <summary>Whether this is the position before the first entry.</summary>
    public bool IsZero => Index.IsZero && Term.IsZero;

    /// <summary>Whether this position is less up to date than another.</summary>
    /// <param name="other">The other position.</param>
    /// <returns>True if it is.</returns>
    public bool IsBehind(LogCursor other) => CompareTo(other) < 0;

    /// <inheritdoc/>
    public int CompareTo(LogCursor other) => Term != other.Term ? Term.CompareTo(other.Term) : Index.CompareTo(other.Index);

    /// <inheritdoc/>
    public int CompareTo(LogIndex other) => Index.CompareTo(other);

    /// <inheritdoc/>
    public int CompareTo(Term other) => Term.CompareTo(other);

    /// <summary><c>(term,index)</c>.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => $"({Term},{Index})";

    internal void Write(ref PostcardWriter writer)
    {
        Term.Write(ref writer);
        Index.Write(ref writer);
    }

    internal static bool TryRead(scoped ref PostcardReader reader, out LogCursor cursor)
    {
        LogIndex index = default;
        bool read = Term.TryRead(ref reader, out Term term) && LogIndex.TryRead(ref reader, out index);
        cursor = new LogCursor(term, index);
        return read;
    }

    /// <summary>Term first, then index.</summary>
    /// <param name="left">One position.</param>
    /// <param name="right">Another position.</param>
    public static bool operator <(LogCursor left, LogCursor right) => left.CompareTo(right) < 0;

    /// <summary>Term first, then index.</summary>
    /// <param name="left">One position.</param>
    /// <param name="right">Another position.</param>
    public static bool operator >(LogCursor left, LogCursor right) => left.CompareTo(right) > 0;

    /// <summary>Term first, then index.</summary>
    /// <param name="left">One position.</param>
    /// <param name="right">Another position.</param>
    public static bool operator <=(LogCursor left, LogCursor right) => left.CompareTo(right) <= 0;

    /// <summary>Term first, then index.</summary>
    /// <param name="left">One position.</param>
    /// <param name="right">Another position.</param>
    public static bool operator >=(LogCursor left, LogCursor right) => left.CompareTo(right) >= 0;
}
