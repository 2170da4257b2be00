using Mosaik.Groups;
using Mosaik.Primitives;

namespace Mosaik.EndToEnd.Member;

/// <summary>A list of texts in the order of the log. The query is a text, answered with its occurrences; empty = all texts.</summary>
[WireName("mosaik_end_to_end::Journal")]
internal sealed class JournalMachine : IStateMachine<string, string, IReadOnlyList<string>>, IResettable
{
    private readonly List<string> _all = [];
    private readonly Dictionary<string, int> _counts = new(StringComparer.Ordinal);

    public UniqueId Signature => UniqueId.From("end to end journal 1");

    public void Apply(string command, in ApplyContext context)
    {
        _all.Add(command);
        _counts[command] = _counts.GetValueOrDefault(command) + 1;
    }

    public IReadOnlyList<string> Query(string query) =>
        query.Length == 0 ? [.. _all] : [.. Enumerable.Repeat(query, _counts.GetValueOrDefault(query))];

    public void Reset()
    {
        _all.Clear();
        _counts.Clear();
    }
}
