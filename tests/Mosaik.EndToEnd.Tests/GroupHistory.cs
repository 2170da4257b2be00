namespace Mosaik.EndToEnd.Tests;

/// <summary>
/// What the clients of all replicas did and when, judged against the log they end with: is there one order of all writes and
/// reads that agrees with what each of them returned and with the times between which it was under way?
/// </summary>
/// <remarks>
/// The log is that order; a read that counted n texts stands behind the n-th. It is a linearization if no operation that had
/// ended before another began stands behind it. Not thread-safe; times are stopwatch ticks of the machine.
/// </remarks>
internal sealed class GroupHistory
{
    private readonly Dictionary<string, (long Start, long? End)> _writes = new(StringComparer.Ordinal);
    private readonly HashSet<string> _refused = new(StringComparer.Ordinal);
    private readonly List<(int Count, long Start, long End)> _reads = [];
    private readonly List<long> _commits = [];

    /// <summary>How many writes were acknowledged.</summary>
    public int Acknowledged => _commits.Count;

    /// <summary>How many reads were answered.</summary>
    public int Reads => _reads.Count;

    public void Tried(string text, long start) => _writes.Add(text, (start, null));

    public void WasAcknowledged(string text, long end)
    {
        _writes[text] = (_writes[text].Start, end);
        _commits.Add(end);
    }

    public void WasRefused(string text) => _refused.Add(text);

    public void Read(int count, long start, long end) => _reads.Add((count, start, end));

    /// <summary>The longest time between two acknowledgements, in stopwatch ticks.</summary>
    public long LongestGap()
    {
        var sorted = _commits.Order().ToList();
        return sorted.Zip(sorted.Skip(1), static (a, b) => b - a).DefaultIfEmpty().Max();
    }

    /// <summary>What is wrong with a log; empty if nothing is.</summary>
    public IReadOnlyList<string> Violations(IReadOnlyList<string> log)
    {
        var violations = new List<string>();
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < log.Count; i++)
        {
            if (!places.TryAdd(log[i], i + 1))
                violations.Add($"{log[i]} was executed twice");
            else if (!_writes.ContainsKey(log[i]))
                violations.Add($"{log[i]} was executed, but nobody wrote it");
            else if (_refused.Contains(log[i]))
                violations.Add($"{log[i]} was executed, but its writer was told that it was not submitted");
        }

        // Reads sort behind the write they saw last.
        var operations = new List<(double Place, long Start, long End, string What)>();
        foreach (var (text, (start, end)) in _writes)
        {
            if (places.TryGetValue(text, out var place))
                operations.Add((place, start, end ?? long.MaxValue, text));
            else if (end is not null)
                violations.Add($"{text} was acknowledged and is lost");
        }

        operations.AddRange(_reads.Select(static r => (r.Count + 0.5, r.Start, r.End, $"a read of {r.Count}")));
        AddDisorder(operations, violations);
        return violations;
    }

    /// <summary>Nothing may stand before what had ended when it began.</summary>
    private static void AddDisorder(List<(double Place, long Start, long End, string What)> operations, List<string> violations)
    {
        var ended = operations.OrderBy(static o => o.End).ToList();
        var (next, furthest) = (0, (Place: 0.0, What: ""));
        foreach (var operation in operations.OrderBy(static o => o.Start))
        {
            for (; next < ended.Count && ended[next].End < operation.Start; next++)
            {
                if (ended[next].Place > furthest.Place)
                    furthest = (ended[next].Place, ended[next].What);
            }

            if (operation.Place < furthest.Place)
                violations.Add($"{operation.What} (place {operation.Place}) began after {furthest.What} (place {furthest.Place}) had ended");
        }
    }
}
