using System.Diagnostics;
using System.Globalization;

namespace Mosaik.Simulation.Mutants;

/// <summary>
/// Runs seeds under each planted bug until the first violation. A bug that no seed of the budget shows is a gap in the
/// simulation (spec/reliability.md §10).
/// </summary>
internal static class MutantRunner
{
    // A run passes planted places some hundred thousand times; one that does not end passes them for ever.
    private const long MostUses = 50_000_000;

    /// <summary>Runs them all; the last line is "N passed, N failed", a caught bug passes.</summary>
    public static int Run(IReadOnlyList<Mutation> mutations, int seeds, ulong from, int threads)
    {
        if (PlantedSwitch.Find() is not { } planted)
        {
            Console.Error.WriteLine(
                "nothing is planted in this build: use eng/mutants, which makes a copy of the source that has the bugs");
            return 3;
        }

        var gate = new Lock();
        int caught = 0;
        Console.WriteLine($"{"",-4} {"mutant",-34} {"rule",-22} {"seeds",6} {"time",7}  invariant and world");
        Parallel.For(0, mutations.Count, new ParallelOptions { MaxDegreeOfParallelism = threads }, i =>
        {
            string line = Describe(mutations[i], RunOne(planted, mutations[i], seeds, from), seeds);
            lock (gate)
            {
                Console.WriteLine(line);
                caught += line.StartsWith("ok", StringComparison.Ordinal) ? 1 : 0;
            }
        });
        Console.WriteLine($"{caught} passed, {mutations.Count - caught} failed");
        return caught == mutations.Count ? 0 : 1;
    }

    private static Verdict RunOne(PlantedSwitch planted, Mutation mutation, int seeds, ulong from)
    {
        var watch = Stopwatch.StartNew();
        long hits = 0;
        for (int i = 0; i < seeds; i++)
        {
            string name = mutation.Worlds[i % mutation.Worlds.Count];
            IWorld world = Worlds.Find(name) ?? throw new FormatException($"{mutation.Name}: there is no world {name}");
            planted.Select(mutation.Number, MostUses);
            RunResult result = world.Run(from + mutation.From + (ulong)i, RunOptions.Default);
            hits += planted.Hits;
            planted.Select(0, 0);
            if (result.Violation is { } violation)
            {
                return new Verdict(
                    i + 1, watch.Elapsed, hits, violation.Invariant, $"{name} 0x{result.Seed:x}: {violation.Detail}");
            }
        }

        return new Verdict(null, watch.Elapsed, hits, "", "");
    }

    private static string Describe(Mutation mutation, Verdict verdict, int seeds)
    {
        const int Shown = 100;
        string detail = verdict.Detail.ReplaceLineEndings(" ");
        detail = detail.Length > Shown ? detail[..Shown] : detail;
        string what = verdict.Seeds is null
            ? $"NOT CAUGHT by {seeds} seeds of {string.Join(' ', mutation.Worlds)}, its code ran {verdict.Hits} times"
            : $"{verdict.Invariant,-12} {detail}";
        return string.Create(CultureInfo.InvariantCulture,
            $"{(verdict.Seeds is null ? "FAIL" : "ok"),-4} {mutation.Name,-34} {mutation.Rule,-22} "
            + $"{verdict.Seeds,6} {verdict.Took.TotalSeconds,6:f1}s  {what}");
    }

    private sealed record Verdict(int? Seeds, TimeSpan Took, long Hits, string Invariant, string Detail);
}
