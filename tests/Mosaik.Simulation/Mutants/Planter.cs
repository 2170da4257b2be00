using System.Globalization;
using System.Text;

namespace Mosaik.Simulation.Mutants;

/// <summary>
/// Plants the bugs of a catalogue into a copy of the source: every one behind a switch, so that one build has them all.
/// </summary>
/// <remarks>
/// An original that ends a statement becomes <c>if (switch) { mutated } else { original }</c>, any other
/// <c>(switch ? mutated : original)</c>. Several bugs may change the same place, or a part of it. Nothing of this is
/// ever part of the shipped source.
/// </remarks>
internal static class Planter
{
    /// <summary>The type that a planted build has.</summary>
    public const string SwitchType = "Mosaik.Planted.Mutant";

    /// <summary>The source of that type.</summary>
    public const string SwitchSource = """
        namespace Mosaik.Planted;

        public static class Mutant
        {
            [System.ThreadStatic] private static int s_current;
            [System.ThreadStatic] private static long s_uses;
            [System.ThreadStatic] private static long s_hits;

            public static void Select(int number, long mostUses) => (s_current, s_uses, s_hits) = (number, mostUses, 0);

            public static long Hits() => s_hits;

            public static bool Is(int number)
            {
                if (s_current == 0)
                    return false;
                if (--s_uses < 0)
                    throw new System.InvalidOperationException("The run does not end.");
                if (number != s_current)
                    return false;
                s_hits++;
                return true;
            }
        }
        """;

    private const string SourceFolder = "src/Mosaik";

    /// <summary>Changes the files of a copy and writes the list of what is planted.</summary>
    /// <param name="catalogues">Files of bugs.</param>
    /// <param name="tree">The root of the copy.</param>
    /// <param name="list">Where the list goes.</param>
    public static int Plant(IReadOnlyList<string> catalogues, string tree, string list)
    {
        List<string> problems = [];
        List<Planted> all = [];
        foreach (string path in catalogues)
        {
            foreach (MutationSource source in MutationSource.ReadAll(path))
                all.Add(new Planted(all.Count + 1, source));
        }

        foreach (var group in all.GroupBy(p => p.Source.File))
        {
            string path = Path.Combine(tree, SourceFolder, group.Key);
            if (!File.Exists(path))
            {
                problems.AddRange(group.Select(p => $"{p.Source.Name}: there is no file {SourceFolder}/{group.Key}"));
                continue;
            }

            string text = File.ReadAllText(path);
            List<Change> changes = [];
            foreach (Planted planted in group)
            {
                var places = planted.Source.FindIn(text);
                if (places.Count == 1)
                    changes.Add(new Change(places[0].Start, places[0].End, planted));
                else
                    problems.Add($"{planted.Source.Name}: its original is {places.Count} times in {group.Key}; it has to be there once");
            }

            File.WriteAllText(path, Render(text, 0, text.Length, changes, problems));
        }

        File.WriteAllText(Path.Combine(tree, SourceFolder, "PlantedMutant.cs"), SwitchSource);
        File.WriteAllLines(list, all.Select(p => p.Source.ToMutation(p.Number).ToString()));
        foreach (string problem in problems)
            Console.Error.WriteLine(problem);
        Console.WriteLine($"{all.Count} mutations in {all.Select(p => p.Source.File).Distinct().Count()} files, {problems.Count} do not apply");
        return problems.Count == 0 ? 0 : 1;
    }

    private static string Render(string text, int start, int end, List<Change> changes, List<string> problems)
    {
        var result = new StringBuilder();
        int at = start;
        foreach (var place in changes.GroupBy(c => (c.Start, c.End)).OrderBy(g => g.Key.Start).ThenByDescending(g => g.Key.End))
        {
            (int from, int to) = place.Key;
            if (from < at)
            {
                // Inside the place before it, which has rendered it; or across its end, which cannot be.
                if (to > at)
                    problems.AddRange(place.Select(c => $"{c.Planted.Source.Name}: its place overlaps that of another mutation"));
                continue;
            }

            result.Append(text, at, from - at);
            List<Change> inner = [.. changes.Where(c => c.Start >= from && c.End <= to && (c.Start, c.End) != place.Key)];
            string code = Render(text, from, to, inner, problems);
            foreach (Change change in place)
            {
                string on = string.Create(CultureInfo.InvariantCulture, $"global::{SwitchType}.Is({change.Planted.Number})");
                string mutated = change.Planted.Source.Mutated;
                code = change.Planted.Source.IsStatement ? $"if ({on}) {{ {mutated} }} else {{ {code} }}" : $"({on} ? {mutated} : {code})";
            }

            result.Append(code);
            at = to;
        }

        return result.Append(text, at, end - at).ToString();
    }

    private sealed record Planted(int Number, MutationSource Source);

    private sealed record Change(int Start, int End, Planted Planted);
}
