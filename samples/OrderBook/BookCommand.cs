using PolyType;

namespace OrderBook;

/// <summary>What changes the book. Replicated to all matchers.</summary>
[GenerateShape]
[DerivedTypeShape(typeof(PlaceOrder), Tag = 0)]
[DerivedTypeShape(typeof(CancelOrder), Tag = 1)]
public abstract partial record BookCommand
{
    /// <summary>Match the order; what is left of it rests on the book.</summary>
    public sealed record PlaceOrder(Order Order) : BookCommand;

    /// <summary>Take the order off the book, if it is there.</summary>
    public sealed record CancelOrder(ulong Id) : BookCommand;
}
