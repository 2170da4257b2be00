using Mosaik.Primitives;
using PolyType;

namespace OrderBook;

/// <summary>A limit order, as traders stream it. The order of the members is the order on the wire.</summary>
/// <param name="Id">The trader's number for it; a cancellation names it.</param>
/// <param name="Pair">What is traded.</param>
/// <param name="Side">Buy or sell.</param>
/// <param name="Price">The limit, in hundredths of the quoted unit.</param>
/// <param name="Quantity">How much.</param>
/// <param name="Trader">Who.</param>
[GenerateShape]
[WireName("orderbook_example::types::Order")]
public sealed partial record Order(ulong Id, TradingPair Pair, Side Side, ulong Price, ulong Quantity, string Trader)
{
    public override string ToString() => $"{Trader} {(Side == Side.Bid ? "BID" : "ASK")} {Pair}@{Price} qty={Quantity}";
}
