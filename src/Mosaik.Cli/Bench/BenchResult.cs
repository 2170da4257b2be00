using System.Globalization;
using System.Text.Json;

namespace Mosaik.Cli.Bench;

/// <summary>What a receiver has measured.</summary>
/// <param name="Datums">How many.</param>
/// <param name="Seconds">From the first to the last.</param>
/// <param name="Rate">Per second.</param>
/// <param name="MegabytesPerSecond">Payload.</param>
/// <param name="ReceiverCpuUs">Processor time of the receiving process per datum.</param>
/// <param name="P50Us">Median time from when a datum was to be sent to its receipt; on one machine only.</param>
/// <param name="P99Us">99th percentile.</param>
/// <param name="MaxUs">The longest.</param>
internal sealed record BenchResult(
    long Datums, double Seconds, double Rate, double MegabytesPerSecond, double ReceiverCpuUs, double P50Us, double P99Us, double MaxUs)
{
    /// <summary>Reads the line of <see cref="ToJson"/>.</summary>
    public static BenchResult Parse(string line)
    {
        using var document = JsonDocument.Parse(line);
        var root = document.RootElement;
        return new BenchResult(
            root.GetProperty("datums").GetInt64(), Number("seconds"), Number("rate"), Number("megabytesPerSecond"),
            Number("receiverCpuUs"), Number("p50Us"), Number("p99Us"), Number("maxUs"));

        double Number(string name) => root.GetProperty(name).GetDouble();
    }

    /// <summary>One JSON object; times of arrival only where both clocks are the same.</summary>
    public string ToJson(double? senderCpuUs, bool isOneMachine) => JsonLine.Of(
        ("datums", Datums), ("seconds", Seconds), ("rate", Rate), ("megabytesPerSecond", MegabytesPerSecond),
        ("senderCpuUs", senderCpuUs), ("receiverCpuUs", ReceiverCpuUs),
        ("p50Us", isOneMachine ? P50Us : null), ("p99Us", isOneMachine ? P99Us : null), ("maxUs", isOneMachine ? MaxUs : null));

    /// <summary>The same for people.</summary>
    public string ToText(double? senderCpuUs, bool showsLatency)
    {
        var sender = senderCpuUs is { } cpu ? string.Create(CultureInfo.InvariantCulture, $"sender {cpu:0.00} us, ") : "";
        var latency = showsLatency
            ? string.Create(CultureInfo.InvariantCulture, $"\nlatency p50 {P50Us:0} us, p99 {P99Us:0} us, max {MaxUs:0} us")
            : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Datums} datums in {Seconds:0.0} s: {Rate:0} per second, {MegabytesPerSecond:0.0} MB/s, encrypted, in order, none lost\n"
            + $"processor time per datum: {sender}receiver {ReceiverCpuUs:0.00} us{latency}");
    }
}
