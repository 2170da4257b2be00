namespace Mosaik.Networking;

/// <summary>
/// Lets one log line per second and reason through, and counts the others (spec/reliability.md §12.1).
/// </summary>
/// <remarks>Reasons are constants of the code, so their number is bounded.</remarks>
/// <param name="timeProvider">The clock.</param>
/// <param name="interval">Another time than a second.</param>
internal sealed class LogLimiter(TimeProvider timeProvider, TimeSpan? interval = null)
{
    private readonly TimeSpan _interval = interval ?? TimeSpan.FromSeconds(1);
    private readonly Lock _lock = new();
    private readonly Dictionary<string, (long At, int Suppressed)> _last = new(StringComparer.Ordinal);

    /// <summary>Whether this line may be written; if so, how many were not since the last one.</summary>
    public bool TryPass(string reason, out int suppressed)
    {
        var now = timeProvider.GetTimestamp();
        lock (_lock)
        {
            if (_last.TryGetValue(reason, out var last) && timeProvider.GetElapsedTime(last.At, now) < _interval)
            {
                _last[reason] = (last.At, last.Suppressed + 1);
                suppressed = 0;
                return false;
            }

            _last[reason] = (now, 0);
            suppressed = last.Suppressed;
            return true;
        }
    }
}
