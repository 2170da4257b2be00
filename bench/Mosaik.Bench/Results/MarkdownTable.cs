using System.Globalization;
using System.Text.Json;

namespace Mosaik.Bench.Results;

/// <summary>Markdown tables of ratios and floors for the documentation.</summary>
internal static class MarkdownTable
{
    public static void Write(IEnumerable<string> paths, TextWriter output)
    {
        foreach (var path in paths)
        {
            var lines = Lines.Read(path).ToList();
            foreach (var env in lines.Where(static l => Is(l, "env")))
                output.WriteLine($"{Text(env, "utc")}, {Text(env, "cpu")}, {Text(env, "os")}, {Text(env, "dotnet")}\n");
            output.WriteLine("| ID | variant | peer | placement | ratio (min–max) | rounds (noisy) | ours | peer's | unit | floor | MUST | met |");
            output.WriteLine("|---|---|---|---|---|---|---|---|---|---|---|---|");
            foreach (var r in lines.Where(static l => Is(l, "ratio")))
            {
                var floor = r.TryGetProperty("floor", out var f) ? $"{Text(f, "name")} {Number(f, "value")}" : "";
                output.WriteLine(
                    $"| {Text(r, "id")} | {Text(r, "variant")} | {Text(r, "peer")} | {Text(r, "placement")} | {Number(r, "median")} "
                    + $"({Number(r, "min")}–{Number(r, "max")}) | {Text(r, "rounds")} ({Text(r, "noisyRounds")}) | {Number(r, "oursMedian")} | {Number(r, "peerMedian")} | {Text(r, "unit")} "
                    + $"| {floor} | {Number(r, "must")} | {Text(r, "mustMet")} |");
            }

            output.WriteLine("\n| floor | variant | placement | value | unit | p50 µs | p99 µs | loss % |");
            output.WriteLine("|---|---|---|---|---|---|---|---|");
            foreach (var l in lines.Where(static l => Is(l, "floor")))
            {
                output.WriteLine(
                    $"| {Text(l, "name")} | {Text(l, "variant")} | {Text(l, "placement")} | {Number(l, "value")} | {Text(l, "unit")} "
                    + $"| {Number(l, "p50Us")} | {Number(l, "p99Us")} | {Number(l, "lossPct")} |");
            }
        }
    }

    private static bool Is(JsonElement line, string kind) => line.GetProperty("kind").ValueEquals(kind);

    private static string Text(JsonElement line, string name) => line.TryGetProperty(name, out var value) ? value.ToString() : "";

    private static string Number(JsonElement line, string name) => line.TryGetProperty(name, out var value)
        ? value.GetDouble().ToString("G3", CultureInfo.InvariantCulture)
        : "";
}
