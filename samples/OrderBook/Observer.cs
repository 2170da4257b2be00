using Mosaik;

namespace OrderBook;

/// <summary>Sees what was filled, and knows nothing of orders or matchers.</summary>
internal static class Observer
{
    public static async Task RunAsync(Network network, Action<string> say, CancellationToken cancellation)
    {
        await using var fills = network.Streams.Consume<Fill>();
        for (var i = 0; i < Scenario.Fills; i++)
            say($"observed {await fills.ReadAsync(cancellation)}");
    }
}
