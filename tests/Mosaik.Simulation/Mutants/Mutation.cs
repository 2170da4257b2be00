namespace Mosaik.Simulation.Mutants;

/// <summary>One broken rule: where the source is changed, and which worlds have to notice.</summary>
/// <param name="Number">What switches it on in a build that has it; from 1.</param>
/// <param name="Name">A word for the table.</param>
/// <param name="Rule">The rule of spec/groups-safety.md or spec/groups.md that it breaks.</param>
/// <param name="Worlds">Names of worlds; seeds are taken from one after the other in turn.</param>
/// <param name="From">The first seed: near one that shows it, where most do not.</param>
internal sealed record Mutation(int Number, string Name, string Rule, IReadOnlyList<string> Worlds, ulong From)
{
    /// <summary>As a line of a list; tabs separate.</summary>
    public override string ToString() => string.Create(
        System.Globalization.CultureInfo.InvariantCulture, $"{Number}\t{Name}\t{Rule}\t{string.Join(' ', Worlds)}\t{From}");

    /// <summary>From a line of a list.</summary>
    public static Mutation Parse(string line) =>
        line.Split('\t') is [var number, var name, var rule, var worlds, var from]
        ? new Mutation(
            int.Parse(number, System.Globalization.CultureInfo.InvariantCulture), name, rule, worlds.Split(' '),
            ulong.Parse(from, System.Globalization.CultureInfo.InvariantCulture))
        : throw new FormatException($"not a line of a list of mutations: {line}");
}
