using System.Globalization;
using Mosaik.Groups;
using Mosaik.Primitives;

namespace Mosaik.EndToEnd.Member;

/// <summary>A list of texts in the order of the log. The query is <see cref="Count"/>, or empty: all of them.</summary>
[WireName("mosaik_end_to_end::Journal")]
internal sealed class JournalMachine : IStateMachine<string, string, IReadOnlyList<string>>, IResettable
{
    /// <summary>Asks how many there are.</summary>
    public const string Count = "#";

    private readonly List<string> _all = [];

    public UniqueId Signature => UniqueId.From("end to end journal 2");

    public void Apply(string command, in ApplyContext context) => _all.Add(command);

    public IReadOnlyList<string> Query(string query) =>
        query == Count ? [_all.Count.ToString(CultureInfo.InvariantCulture)] : [.. _all];

    public void Reset() => _all.Clear();
}
