using System.Runtime.InteropServices;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>A payload that somebody can be asked for.</summary>
/// <param name="Id">Which one.</param>
/// <param name="Round">Its hops so far, the one to us included.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct Announced(MessageId Id, ushort Round);
