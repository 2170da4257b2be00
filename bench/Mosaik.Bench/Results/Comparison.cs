using System.Globalization;
using System.Text.Json;

namespace Mosaik.Bench.Results;

/// <summary>Compares ratio lines of runs with a baseline (spec/performance.md §9.3).</summary>
internal static class Comparison
{
    private const double Tolerance = 0.15;
    private const int MinRounds = 3;

    /// <returns>0 fine, 1 confirmed regression, 2 a MUST missed or not shown, 3 input refused.</returns>
    public static int Compare(string baselinePath, IReadOnlyList<string> newPaths, bool requireMust, TextWriter output)
    {
        var baseline = Run.Read(baselinePath);
        var runs = newPaths.Select(Run.Read).ToList();
        var refusal = new[] { baseline }.Concat(runs).Select(r => r.Refusal(baseline)).FirstOrDefault(static r => r is not null);
        if (refusal is not null)
        {
            output.WriteLine($"refused: {refusal}");
            return 3;
        }

        var confirmed = 0;
        foreach (var (key, old) in baseline.Ratios.OrderBy(static r => r.Key, StringComparer.Ordinal))
        {
            var changes = runs.Where(r => r.Ratios.ContainsKey(key)).Select(r => (r.Ratios[key].Median / old.Median) - 1).ToList();
            if (changes.Count == 0)
                continue;
            var worse = changes.Count(static c => c < -Tolerance);
            var better = changes.Count(static c => c > Tolerance);
            var verdict = worse == changes.Count && changes.Count >= 2 ? "REGRESSION"
                : worse > 0 ? "warning: slower"
                : better == changes.Count && changes.Count >= 2 ? "faster: a new baseline is due"
                : "same";
            confirmed += verdict == "REGRESSION" ? 1 : 0;
            output.WriteLine($"{key}: {string.Join(", ", changes.Select(static c => c.ToString("+0.0%;-0.0%", CultureInfo.InvariantCulture)))} {verdict}");
        }

        if (confirmed > 0)
            return 1;
        return requireMust && runs.Exists(r => !r.MeetsEveryMust(output)) ? 2 : 0;
    }

    internal sealed record Ratio(double Median, int Rounds, double? Must, bool? MustMet);

    internal sealed record Run(string Path, string? MachineClass, int? Schema, Dictionary<string, Ratio> Ratios)
    {
        public static Run Read(string path)
        {
            string? machineClass = null;
            int? schema = null;
            var ratios = new Dictionary<string, Ratio>(StringComparer.Ordinal);
            foreach (var line in Lines.Read(path))
            {
                switch (line.GetProperty("kind").GetString())
                {
                    case "env":
                        machineClass = line.GetProperty("machineClass").GetString();
                        schema = line.GetProperty("schema").GetInt32();
                        break;
                    case "ratio":
                        ratios[Key(line)] = new Ratio(
                            line.GetProperty("median").GetDouble(), line.GetProperty("rounds").GetInt32(),
                            line.TryGetProperty("must", out var must) ? must.GetDouble() : null,
                            line.TryGetProperty("mustMet", out var met) ? met.GetBoolean() : null);
                        break;
                }
            }

            return new Run(path, machineClass, schema, ratios);
        }

        public string? Refusal(Run baseline) =>
            MachineClass is null ? $"{Path} has no env line"
            : !string.Equals(MachineClass, baseline.MachineClass, StringComparison.Ordinal) ? $"{Path} is from another class of machine"
            : Schema != Lines.Schema ? $"{Path} has another schema"
            : Ratios.FirstOrDefault(static r => r.Value.Rounds < MinRounds) is { Key: { } key } ? $"{Path}: {key} has fewer than 3 rounds"
            : null;

        public bool MeetsEveryMust(TextWriter output)
        {
            var missed = MustTable.Expected().Where(k => !Ratios.TryGetValue(k, out var r) || r.MustMet != true).ToList();
            foreach (var key in missed)
                output.WriteLine($"{Path}: {key}: MUST {(Ratios.ContainsKey(key) ? "missed" : "not shown")}");
            return missed.Count == 0;
        }

        private static string Key(JsonElement line) => string.Join(
            ' ', new[] { "id", "variant", "peer", "metric", "placement" }.Select(f => line.GetProperty(f).GetString())
                .Append(line.GetProperty("processes").GetRawText()));
    }
}
