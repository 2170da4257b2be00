using System.Runtime.InteropServices;
using PolyType;

namespace OrderBook;

/// <summary>What rests at one price. On the wire the same as a tuple of the two numbers.</summary>
/// <param name="Price">The price.</param>
/// <param name="Quantity">The sum over the orders that rest there.</param>
[GenerateShape]
[StructLayout(LayoutKind.Auto)]
public readonly partial record struct PriceLevel(ulong Price, ulong Quantity)
{
    public override string ToString() => $"{Quantity} at {Price}";
}
