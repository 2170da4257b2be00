using System.Runtime.InteropServices;
using Mosaik.Postcard;

namespace Mosaik.Groups;

/// <summary>The indices from <paramref name="Start"/> to <paramref name="End"/>, both included.</summary>
/// <remarks>spec/groups.md §2.1. Empty when the end lies before the start. On the wire: start, end.</remarks>
/// <param name="Start">The first index.</param>
/// <param name="End">The last index.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct LogRange(LogIndex Start, LogIndex End)
{
    /// <summary>Whether it holds no index.</summary>
    public bool IsEmpty => End < Start;

    /// <summary>How many indices it holds; the greatest number if there is one more.</summary>
    public ulong Count => IsEmpty ? 0 : Math.Max(End.Value - Start.Value, End.Value - Start.Value + 1);

    /// <summary>Whether an index lies in it.</summary>
    /// <param name="index">The index.</param>
    /// <returns>True if it does.</returns>
    public bool Contains(LogIndex index) => index >= Start && index <= End;

    /// <summary><c>start..=end</c>.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => $"{Start}..={End}";

    internal static LogRange Of(ulong start, ulong end) => new(new LogIndex(start), new LogIndex(end));

    internal void Write(ref PostcardWriter writer)
    {
        Start.Write(ref writer);
        End.Write(ref writer);
    }

    internal static bool TryRead(scoped ref PostcardReader reader, out LogRange range)
    {
        LogIndex end = default;
        bool read = LogIndex.TryRead(ref reader, out LogIndex start) && LogIndex.TryRead(ref reader, out end);
        range = new LogRange(start, end);
        return read;
    }
}
