namespace OrderBook;

/// <summary>Whether somebody buys or sells.</summary>
public enum Side
{
    /// <summary>Buys, at the limit or below.</summary>
    Bid = 0,

    /// <summary>Sells, at the limit or above.</summary>
    Ask = 1,
}
