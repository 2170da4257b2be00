using PolyType;

namespace OrderBook;

/// <summary>Answers to <see cref="BookQuery"/>.</summary>
[GenerateShape]
[DerivedTypeShape(typeof(TopOfBook), Tag = 0)]
[DerivedTypeShape(typeof(Fills), Tag = 1)]
[DerivedTypeShape(typeof(OrderCount), Tag = 2)]
public abstract partial record BookAnswer
{
    /// <summary>The best prices first.</summary>
    public sealed record TopOfBook(IReadOnlyList<PriceLevel> Bids, IReadOnlyList<PriceLevel> Asks) : BookAnswer;

    /// <summary>Oldest first.</summary>
    public sealed record Fills(IReadOnlyList<Fill> All) : BookAnswer;

    /// <summary>Orders on both sides.</summary>
    public sealed record OrderCount(nuint Count) : BookAnswer;
}
