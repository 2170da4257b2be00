using System.Runtime.InteropServices;
using Mosaik.Primitives;

namespace Mosaik.Groups.Raft;

/// <summary>A frame to be sent. The reference of the frame passes to whoever takes it from the effects.</summary>
/// <param name="To">The receiver; null = every bond that exists now.</param>
/// <param name="Frame">The frame, header included.</param>
/// <param name="Kind">What a slow bond may skip.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct OutgoingFrame(PeerId? To, SharedFrame Frame, FrameKind Kind);

/// <summary>What a frame holds, as far as its sender has to know.</summary>
internal enum FrameKind
{
    /// <summary>A request, an answer, a forwarded call: never skipped.</summary>
    Message,

    /// <summary>AppendEntries without entries: never skipped.</summary>
    Heartbeat,

    /// <summary>AppendEntries with entries: a slow bond skips it, and its peer catches up (spec/groups.md §4.9).</summary>
    Entries,
}
