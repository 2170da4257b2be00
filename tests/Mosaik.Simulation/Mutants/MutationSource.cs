using System.Text.RegularExpressions;

namespace Mosaik.Simulation.Mutants;

/// <summary>One bug as a catalogue has it: which text of which file becomes which.</summary>
/// <remarks>
/// <code>
/// == name | rule | worlds | first seed
/// @ Groups/Raft/File.cs
/// - the original, any white space between its words
/// + what takes its place; may be absent for a statement that is left out
/// </code>
/// The first seed is 0 if absent. Lines of <c>-</c> and of <c>+</c> may be several. Worlds are names of worlds or of
/// <see cref="Sets"/>. A line that begins with <c>#</c> is a comment.
/// </remarks>
internal sealed record MutationSource(
    string Name, string Rule, IReadOnlyList<string> Worlds, ulong From, string File, string Original, string Mutated)
{
    /// <summary>Short names for worlds that go together.</summary>
    private static readonly Dictionary<string, string[]> Sets = new(StringComparer.Ordinal)
    {
        ["majority"] = ["raft/3/majority:3/all", "raft/5/majority:5/all"],
        ["available"] = ["raft/3/available/all", "raft/5/available/all"],
        ["both"] = ["raft/3/majority:3/all", "raft/3/available/all", "raft/5/majority:5/all", "raft/5/available/all"],
    };

    /// <summary>Whether whole statements are replaced, not an expression.</summary>
    public bool IsStatement => Original[^1] is ';' or '}';

    public static IReadOnlyList<MutationSource> ReadAll(string path)
    {
        List<MutationSource> all = [];
        List<string> block = [];
        foreach (string line in System.IO.File.ReadLines(path).Append("== "))
        {
            if (line.StartsWith('#') || line.Length == 0)
                continue;
            if (line.StartsWith("== ", StringComparison.Ordinal) && block.Count > 0)
            {
                all.Add(Parse(path, block));
                block.Clear();
            }

            block.Add(line);
        }

        return all;
    }

    /// <summary>The places of the original in a text.</summary>
    public IReadOnlyList<(int Start, int End)> FindIn(string text)
    {
        string[] words = Original.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        string pattern = string.Join(@"\s+", words.Select(Regex.Escape));
        return [.. Regex.Matches(text, pattern).Select(m => (m.Index, m.Index + m.Length))];
    }

    public Mutation ToMutation(int number) => new(number, Name, Rule, Worlds, From);

    private static MutationSource Parse(string path, List<string> block)
    {
        string[] head = block[0][3..].Split('|', StringSplitOptions.TrimEntries);
        string file = Lines(block, '@');
        string original = Lines(block, '-');
        if (head.Length is not (3 or 4) || file.Length == 0 || original.Length == 0)
        {
            throw new FormatException(
                $"{path}: '{block[0]}' lacks its name, rule and worlds, its file, or its original");
        }
        string[] worlds = [.. head[2].Split(' ').SelectMany(w => Sets.GetValueOrDefault(w, [w]))];
        ulong from = head.Length == 4 ? ulong.Parse(head[3], System.Globalization.CultureInfo.InvariantCulture) : 0;
        return new MutationSource(head[0], head[1], worlds, from, file, original, Lines(block, '+'));
    }

    private static string Lines(List<string> block, char mark) =>
        string.Join('\n', block.Where(l => l[0] == mark).Select(l => l[1..].Trim()));
}
