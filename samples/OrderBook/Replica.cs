using Mosaik.Groups;

namespace OrderBook;

/// <summary>A matcher that holds the same book, and compares it with the leader's.</summary>
internal static class Replica
{
    public static async Task RunAsync(
        Group<BookCommand, BookQuery, BookAnswer> group, Action<string> say, CancellationToken cancellation)
    {
        await using var member = group;
        await group.When.Online().WaitAsync(cancellation);
        say($"online, leader: {group.Leader}");

        var committed = group.When.Committed();
        await committed.Reaches(new LogIndex((ulong)Scenario.Orders.Length)).WaitAsync(cancellation);
        var leaders = await group.QueryAsync(new BookQuery.Fills(), Consistency.Strong, cancellation);
        await committed.Reaches(leaders.Position).WaitAsync(cancellation);
        var own = await group.QueryAsync(new BookQuery.Fills(), Consistency.Weak, cancellation);

        var (fills, expected) = (((BookAnswer.Fills)own.Result).All, ((BookAnswer.Fills)leaders.Result).All);
        if (!fills.SequenceEqual(expected))
            throw new InvalidOperationException($"sees {string.Join(", ", fills)} and the leader {string.Join(", ", expected)}");
        say($"sees {fills.Count} fills (consistent with the leader)");
    }
}
