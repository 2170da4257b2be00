namespace Mosaik.Simulation.Streams;

/// <summary>
/// The order in which the datums of all handles of one producer go out: each consumer may miss some, but what two of
/// them receive both, they receive in the same order (spec/streams.md §4.1).
/// </summary>
internal sealed class MergedOrder
{
    // For each datum the highest number of the other handle that somebody received before it.
    private readonly Dictionary<(int Handle, int Number), int> _highestBefore = [];
    private readonly Dictionary<(int Consumer, int Life), int[]> _last = [];

    /// <summary>How many datums of a handle somebody has received.</summary>
    public int CountOf(int handle) => _highestBefore.Keys.Count(key => key.Handle == handle);

    /// <summary>A consumer received a datum.</summary>
    public void OnReceived(int consumer, int life, in Datum datum, StreamsWorld world)
    {
        if (!_last.TryGetValue((consumer, life), out int[]? last))
            _last[(consumer, life)] = last = [-1, -1];
        last[datum.Handle] = datum.Number;
        int other = 1 - datum.Handle;
        var key = (datum.Handle, datum.Number);
        if (!_highestBefore.TryGetValue(key, out int before) || last[other] > before)
            _highestBefore[key] = last[other];

        // Somebody received a datum of the other handle before this one: whoever receives that datum only now, after
        // this one, has them the other way round.
        if (_highestBefore.TryGetValue((other, last[other]), out int earlier) && earlier >= datum.Number)
        {
            world.Fail("ST-1", $"c{consumer} received {datum} after number {last[other]} of handle {other}, "
                + $"another consumer received number {earlier} of handle {datum.Handle} before it");
        }
    }
}
