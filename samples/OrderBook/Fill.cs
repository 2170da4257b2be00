using Mosaik.Primitives;
using PolyType;

namespace OrderBook;

/// <summary>Two orders that met. Streamed to whoever wants to know.</summary>
/// <param name="BidOrderId">The order that buys.</param>
/// <param name="AskOrderId">The order that sells.</param>
/// <param name="Pair">What changed hands.</param>
/// <param name="Price">At which price: that of the order that was there first.</param>
/// <param name="Quantity">How much.</param>
[GenerateShape]
[WireName("orderbook_example::types::Fill")]
public sealed partial record Fill(ulong BidOrderId, ulong AskOrderId, TradingPair Pair, ulong Price, ulong Quantity)
{
    public override string ToString() => $"Fill(bid={BidOrderId}, ask={AskOrderId}, {Pair}@{Price}, qty={Quantity})";
}
