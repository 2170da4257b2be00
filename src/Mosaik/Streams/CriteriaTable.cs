namespace Mosaik.Streams;

/// <summary>
/// The different criteria of a stream's consumers, each evaluated once per datum, however many consumers share it.
/// </summary>
/// <remarks>Guarded by the sink's lock.</remarks>
internal sealed class CriteriaTable<T>
{
    private readonly List<Slot> _slots = [];
    private bool[] _results = [];
    private int _inUse;

    /// <summary>The place of a consumer's criteria in the results; <see cref="Backlog.Everything"/> for none.</summary>
    public int Add(CriteriaMatcher<T>? matcher)
    {
        if (matcher is null)
            return Backlog.Everything;
        _inUse++;
        var index = _slots.FindIndex(slot => slot.Uses > 0 && slot.Matcher.Criteria.Equals(matcher.Criteria));
        if (index < 0)
            index = _slots.FindIndex(static slot => slot.Uses == 0);
        if (index < 0)
        {
            index = _slots.Count;
            _slots.Add(new Slot(matcher));
            _results = new bool[_slots.Count];
        }

        var found = _slots[index];
        if (found.Uses++ == 0)
            found.Matcher = matcher;
        return index;
    }

    /// <summary>A consumer is gone.</summary>
    public void Remove(int index)
    {
        if (index == Backlog.Everything)
            return;
        _inUse--;
        _slots[index].Uses--;
    }

    /// <summary>Which criteria the datum matches, by place. Valid until the next call.</summary>
    public ReadOnlySpan<bool> Evaluate(T datum)
    {
        if (_inUse == 0)
            return [];
        for (var i = 0; i < _slots.Count; i++)
            _results[i] = _slots[i].Uses > 0 && _slots[i].Matcher.Matches(datum);
        return _results;
    }

    private sealed class Slot(CriteriaMatcher<T> matcher)
    {
        public CriteriaMatcher<T> Matcher { get; set; } = matcher;

        public int Uses { get; set; }
    }
}
