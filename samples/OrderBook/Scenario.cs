using Mosaik.Groups;

namespace OrderBook;

/// <summary>Who takes part, and what is traded.</summary>
internal static class Scenario
{
    /// <summary>The matcher that takes the orders in. Everybody's first contact.</summary>
    public const string Gateway = "matcher 0";

    public const string Observer = "observer";

    /// <summary>How many fills the orders give, in whatever order the two traders' streams arrive.</summary>
    public const int Fills = 1;

    public static readonly string[] Replicas = ["matcher 1", "matcher 2"];

    public static readonly string[] Traders = ["alice", "bob"];

    public static readonly TradingPair Pair = new("ETH", "USDC");

    public static readonly Order[] Orders =
    [
        new(1, Pair, Side.Ask, 300_000, 10, "alice"),
        new(2, Pair, Side.Ask, 301_000, 5, "alice"),
        new(3, Pair, Side.Bid, 299_000, 8, "bob"),
        new(4, Pair, Side.Bid, 300_500, 15, "bob"),
    ];

    /// <summary>
    /// The gateway leads, so that orders are not forwarded: it asks for votes soon, the others much later. These two times
    /// are a node's own business; what all members must agree on is left as it is.
    /// </summary>
    public static GroupOptions OptionsOf(string matcher)
    {
        var soon = new ConsensusOptions
        {
            ElectionTimeout = TimeSpan.FromSeconds(1),
            ElectionTimeoutJitter = TimeSpan.Zero,
            BootstrapDelay = TimeSpan.FromMilliseconds(250),
        };
        return new GroupOptions { Consensus = matcher == Gateway ? soon : soon.Deprioritized(5) };
    }
}
