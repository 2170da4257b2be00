using PolyType;

namespace OrderBook;

/// <summary>What the book can be asked. Not replicated.</summary>
[GenerateShape]
[DerivedTypeShape(typeof(TopOfBook), Tag = 0)]
[DerivedTypeShape(typeof(Fills), Tag = 1)]
[DerivedTypeShape(typeof(OrderCount), Tag = 2)]
public abstract partial record BookQuery
{
    /// <summary>The best prices of both sides.</summary>
    /// <param name="Pair">Not used: a book holds one pair.</param>
    /// <param name="Depth">How many price levels of each side.</param>
    public sealed record TopOfBook(TradingPair Pair, nuint Depth) : BookQuery;

    /// <summary>Everything that was filled so far.</summary>
    public sealed record Fills : BookQuery;

    /// <summary>How many orders rest on the book.</summary>
    public sealed record OrderCount : BookQuery;
}
