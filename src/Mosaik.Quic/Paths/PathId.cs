using System.Runtime.InteropServices;

namespace Mosaik.Quic.Paths;

/// <summary>
/// The number of a path. Only path 0 exists until multipath is negotiated; state that belongs to a path is kept by this
/// number from the beginning (spec/quic.md §14).
/// </summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct PathId(uint Value)
{
    /// <summary>The path of the handshake.</summary>
    public static PathId Zero => default;
}
