namespace OrderBook;

/// <summary>What is left of an order that waits on the book.</summary>
internal readonly record struct RestingOrder(ulong Id, ulong Quantity);
