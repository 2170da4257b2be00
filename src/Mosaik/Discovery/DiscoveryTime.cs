using System.Runtime.InteropServices;

namespace Mosaik.Discovery;

/// <summary>
/// Both clocks, read together: the wall clock for versions, monotonic time for intervals (spec/discovery.md §1).
/// </summary>
/// <param name="WallMs">Milliseconds since the Unix epoch.</param>
/// <param name="Monotonic">Monotonic time.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct DiscoveryTime(long WallMs, TimeSpan Monotonic);
