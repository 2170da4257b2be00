namespace Mosaik.EndToEnd.Tests;

/// <summary>The order book sample: three matchers, two traders, an observer (spec/groups.md §16).</summary>
public sealed class OrderBookTests
{
    [Theory]
    [InlineData]
    [InlineData("--processes")]
    public async Task The_order_book_comes_to_the_outcome_of_the_book(params string[] arguments)
    {
        await using var sample = ToolProcess.Sample("OrderBook", arguments);
        Assert.True(await sample.ExitAsync() == 0, sample.Errors + sample.Output);

        // The streams of the two traders are not ordered among each other: whichever order was there first gives the price.
        string[] fills = ["Fill(bid=4, ask=1, ETH/USDC@300000, qty=10)", "Fill(bid=4, ask=1, ETH/USDC@300500, qty=10)"];
        var lines = sample.Output.Split('\n');
        var fill = Assert.Single(fills, f => lines.Contains($"matcher 0:   {f}"));
        Assert.Contains("matcher 0: 1 fills produced:", lines);
        Assert.Contains("matcher 0:   bids: 5 at 300500, 8 at 299000", lines);
        Assert.Contains("matcher 0:   asks: 5 at 301000", lines);
        Assert.Contains($"observer: observed {fill}", lines);
        Assert.Contains("matcher 1: sees 1 fills (consistent with the leader)", lines);
        Assert.Contains("matcher 2: sees 1 fills (consistent with the leader)", lines);
        Assert.Contains("order book example complete", lines);
    }
}
