using System.Net;
using Mosaik;
using Mosaik.Groups;
using Mosaik.Primitives;

namespace OrderBook;

/// <summary>One participant on a node of its own; the same code whether the others are in this process or elsewhere.</summary>
internal static class Node
{
    /// <summary>Takes part until the participant's work is done.</summary>
    /// <param name="name">Who it is.</param>
    /// <param name="exchange">Where the others are.</param>
    /// <param name="say">Gets the node's address first, and then what happens.</param>
    /// <param name="cancellation">Ends it early.</param>
    public static async Task RunAsync(string name, Exchange exchange, Action<string> say, CancellationToken cancellation)
    {
        var options = new NetworkOptions { BindAddresses = [new IPEndPoint(IPAddress.Loopback, 0)] };
        await using var network = await Network.StartAsync(exchange.Network, options, cancellation);
        say(network.Local.Address.ToString());

        // First contact with one node; the others are found, and producers, consumers and members find each other.
        if (exchange.Contact is { } contact)
            await network.SyncWithAsync(EndpointAddress.Parse(contact), cancellation);
        await (name switch
        {
            Scenario.Gateway => Gateway.RunAsync(network, Join(), say, cancellation),
            Scenario.Observer => Observer.RunAsync(network, say, cancellation),
            _ when Scenario.Replicas.Contains(name) => Replica.RunAsync(Join(), say, cancellation),
            _ when Scenario.Traders.Contains(name) => Trader.RunAsync(network, name, say, cancellation),
            _ => throw new ArgumentException($"nobody is called {name}", nameof(name)),
        });

        Group<BookCommand, BookQuery, BookAnswer> Join() => network.Groups.Join(
            GroupKey.FromSecret(exchange.GroupSecret), new Book(Scenario.Pair), Scenario.OptionsOf(name));
    }
}
