using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Mosaik.Diagnostics;

/// <summary>Where meters and activities of Mosaik come from (spec/wire.md §12).</summary>
public static class MosaikDiagnostics
{
    /// <summary>The name of the meter and of the activity source.</summary>
    public const string Name = "Mosaik";

    /// <summary>Traces of operations that cross nodes.</summary>
    public static ActivitySource ActivitySource { get; } = new(Name);

    private static readonly Meter SharedMeter = new(Name);

    /// <summary>The meter of a factory, or the process-wide one.</summary>
    internal static Meter MeterOf(IMeterFactory? factory) => factory?.Create(new MeterOptions(Name)) ?? SharedMeter;
}
