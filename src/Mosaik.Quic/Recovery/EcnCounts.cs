using System.Runtime.InteropServices;

namespace Mosaik.Quic.Recovery;

/// <summary>
/// The counters of an ACK frame of type 0x03 (RFC 9000 §19.3.2). They are kept for diagnostics: nothing is marked yet
/// (spec/quic.md §6.2), so they carry no congestion signal.
/// </summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct EcnCounts(ulong Ect0, ulong Ect1, ulong Ce);
