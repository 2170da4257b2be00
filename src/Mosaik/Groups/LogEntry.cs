using System.Runtime.InteropServices;

namespace Mosaik.Groups;

/// <summary>An entry of the replicated log: the term of the leader that made it, and the encoded command.</summary>
/// <remarks>
/// The bytes are those that travelled: they are never encoded again and never change. In profiles that change the group's id
/// they start with a byte for the kind of entry (spec/groups-safety.md §6). Equality is that of term and memory, not of contents.
/// </remarks>
/// <param name="Term">The term.</param>
/// <param name="Bytes">The encoded entry.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct LogEntry(Term Term, ReadOnlyMemory<byte> Bytes);
