using Mosaik;
using Mosaik.Groups;

namespace OrderBook;

/// <summary>The matcher that consumes the traders' orders, has them executed by the group and publishes the fills.</summary>
internal static class Gateway
{
    public static async Task RunAsync(
        Network network, Group<BookCommand, BookQuery, BookAnswer> group, Action<string> say, CancellationToken cancellation)
    {
        await using var member = group;
        await using var fills = network.Streams.Produce<Fill>();

        say("waiting for the matching engine to come online...");
        await group.When.Online().WaitAsync(cancellation);
        await group.Bonds.WhenAny(static bonds => bonds.Count == Scenario.Replicas.Length).WaitAsync(cancellation);
        say($"matching engine online, leader: {group.Leader}");
        await using var orders = network.Streams.Consume<Order>();
        await orders.When.Subscribed().AtLeast(Scenario.Traders.Length).WaitAsync(cancellation);
        say("subscribed to the orders of both traders");

        var published = 0;
        for (var i = 0; i < Scenario.Orders.Length; i++)
        {
            var order = await orders.ReadAsync(cancellation);
            say($"received order: {order}");
            await group.ExecuteAsync(new BookCommand.PlaceOrder(order), cancellation);
            foreach (var fill in (await FillsAsync(Consistency.Weak)).Skip(published))
            {
                await fills.WriteAsync(fill, cancellation); // waits for the observer
                published++;
            }
        }

        await fills.FlushAsync(cancellation);
        var all = await FillsAsync(Consistency.Strong);
        say($"{all.Count} fills produced:");
        foreach (var fill in all)
            say($"  {fill}");
        var top = (BookAnswer.TopOfBook)(await group.QueryAsync(
            new BookQuery.TopOfBook(Scenario.Pair, 5), Consistency.Strong, cancellation)).Result;
        say($"  bids: {string.Join(", ", top.Bids)}");
        say($"  asks: {string.Join(", ", top.Asks)}");

        // A leader that left now would leave followers behind that do not know yet what is committed.
        await group.Bonds.WhenAny(static bonds => bonds.Count == 0).WaitAsync(cancellation);

        async Task<IReadOnlyList<Fill>> FillsAsync(Consistency consistency) =>
            ((BookAnswer.Fills)(await group.QueryAsync(new BookQuery.Fills(), consistency, cancellation)).Result).All;
    }
}
