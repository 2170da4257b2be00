namespace Mosaik.Groups;

/// <summary>
/// When a leader takes the next commands of its callers: at once if nothing is on its way to a commit, else when that is
/// committed, or after a millisecond. What has come meanwhile is one batch.
/// </summary>
/// <remarks>
/// A message costs as much as hundreds of commands in it, and whoever waits for a commit calls again when it has come: taken
/// one by one, the commands of many callers would travel one by one for ever. A lone caller never waits, and over long ways
/// a batch leaves every millisecond, however many are under way (spec/performance.md §4.3). Owned by the group's loop.
/// </remarks>
internal sealed class BatchPace
{
    /// <summary>The longest time commands are held back.</summary>
    public static readonly TimeSpan LongestHold = TimeSpan.FromMilliseconds(1);

    private LogIndex _last;
    private TimeSpan _leftAt;

    /// <summary>When the next commands are taken whatever is under way.</summary>
    public TimeSpan OpensAt => _leftAt + LongestHold;

    /// <summary>The log of the leader has grown by a batch.</summary>
    /// <param name="end">Its last index.</param>
    /// <param name="now">The time.</param>
    public void OnBatch(LogIndex end, TimeSpan now) => (_last, _leftAt) = (end, now);

    /// <summary>Whether further commands are taken now.</summary>
    /// <param name="committed">What is committed.</param>
    /// <param name="now">The time.</param>
    public bool IsOpen(LogIndex committed, TimeSpan now) => committed >= _last || now >= OpensAt;
}
