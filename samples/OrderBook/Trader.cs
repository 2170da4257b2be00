using Mosaik;

namespace OrderBook;

/// <summary>Streams its orders to the matcher that takes them.</summary>
internal static class Trader
{
    public static async Task RunAsync(Network network, string name, Action<string> say, CancellationToken cancellation)
    {
        await using var orders = network.Streams.Produce<Order>();
        foreach (var order in Scenario.Orders.Where(order => order.Trader == name))
            await orders.WriteAsync(order, cancellation); // waits until somebody is subscribed
        await orders.FlushAsync(cancellation);
        say("orders submitted");
        await orders.When.Unsubscribed().WaitAsync(cancellation); // stays while somebody takes orders
    }
}
