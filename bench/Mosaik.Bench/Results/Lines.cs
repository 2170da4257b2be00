using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mosaik.Bench.Results;

/// <summary>The lines of spec/performance.md §9.2. Unknown fields are ignored when read.</summary>
internal static class Lines
{
    /// <summary>Raised when a field changes its meaning.</summary>
    public const int Schema = 1;

    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    public static IEnumerable<JsonElement> Read(string path)
    {
        foreach (var line in File.ReadLines(path).Where(static l => l.Length > 0))
            yield return JsonSerializer.Deserialize<JsonElement>(line);
    }
}

internal sealed record EnvLine(
    string RunId, DateTimeOffset Utc, string? Commit, bool? Dirty, string Os, string Kernel, string? Cpu, int Cores,
    long MemoryBytes, string Dotnet, string? Openssl, string Gc, bool TieredPgo, long? RmemMax, long? WmemMax, double LoadAtStart,
    IReadOnlyDictionary<string, string> Peers, string MachineClass)
{
    public string Kind => "env";

    public int Schema => Lines.Schema;
}

internal sealed record FloorLine(
    string RunId, string Name, string Variant, string Placement, double Value, string Unit, string Better, double? P50Us,
    double? P99Us, long Samples, double LossPct)
{
    public string Kind => "floor";
}

internal sealed record LatencyFields(double P50, double P90, double P99, double? P999, double Max, long Samples);

internal sealed record SampleLine(
    string RunId, int Round, string Id, string Variant, string Side, string Peer, bool Encrypted, string Placement, int Processes,
    double Value, string Unit, string Better, long Ops, double Seconds, LatencyFields? LatencyUs, double AllocBytesPerOp,
    double CpuUsPerOp, int[] Gc, long RssBytes, double LossPct, double Load1, double StealPct, bool Discarded, string? Reason)
{
    public string Kind => "sample";
}

internal sealed record FloorReference(string Name, double Value);

internal sealed record RatioLine(
    string RunId, string Id, string Variant, string Peer, string Placement, int Processes, string Metric, double Median, double Min,
    double Max, int Rounds, int NoisyRounds, double OursMedian, double PeerMedian, string Unit, FloorReference? Floor, double? Must, double? Stretch,
    bool? MustMet, bool? StretchMet)
{
    public string Kind => "ratio";

    /// <summary>Processor time per operation, all processes of the side, in microseconds: less sensitive to noise than rates.</summary>
    public double OursCpuUsPerOp { get; init; }

    public double PeerCpuUsPerOp { get; init; }

    /// <summary>Managed bytes allocated per operation, all processes of the side; a broker's are not known.</summary>
    public double OursAllocBytesPerOp { get; init; }

    public double PeerAllocBytesPerOp { get; init; }
}
