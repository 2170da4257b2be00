using PolyType;

namespace OrderBook;

/// <summary>What is traded, and for what.</summary>
[GenerateShape]
public sealed partial record TradingPair(string Base, string Quote)
{
    public override string ToString() => $"{Base}/{Quote}";
}
