using System.Runtime.InteropServices;

namespace Mosaik.Discovery;

/// <summary>The wall clock and the two horizons that decisions about entries depend on, in milliseconds.</summary>
/// <param name="NowMs">Milliseconds since the Unix epoch.</param>
/// <param name="PurgeAfterMs">The staleness horizon.</param>
/// <param name="MaxTimeDriftMs">The tolerated clock difference.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct CatalogTimes(long NowMs, long PurgeAfterMs, long MaxTimeDriftMs);
