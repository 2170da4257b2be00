namespace OrderBook;

/// <summary>The resting orders of one side: by price, the best first, and in the order of arrival at one price.</summary>
internal sealed class BookSide
{
    private readonly Comparer<ulong> _bestFirst;
    private readonly SortedDictionary<ulong, List<RestingOrder>> _levels;

    private BookSide(Comparer<ulong> bestFirst)
    {
        _bestFirst = bestFirst;
        _levels = new SortedDictionary<ulong, List<RestingOrder>>(bestFirst);
    }

    public int Count => _levels.Values.Sum(level => level.Count);

    public static BookSide OfBids() => new(Comparer<ulong>.Create(static (a, b) => b.CompareTo(a)));

    public static BookSide OfAsks() => new(Comparer<ulong>.Default);

    /// <summary>Fills an incoming order of the other side as far as its limit allows.</summary>
    /// <param name="limit">The worst price that is acceptable.</param>
    /// <param name="quantity">How much is wanted.</param>
    /// <param name="onFill">Told the resting order's id, its price and the quantity, once for each order that is met.</param>
    /// <returns>How much could not be filled.</returns>
    public ulong Take(ulong limit, ulong quantity, Action<ulong, ulong, ulong> onFill)
    {
        while (quantity > 0 && _levels.Count > 0)
        {
            var (price, level) = _levels.First();
            if (_bestFirst.Compare(price, limit) > 0)
                break;
            var first = level[0];
            var filled = Math.Min(quantity, first.Quantity);
            onFill(first.Id, price, filled);
            quantity -= filled;
            if (filled < first.Quantity)
                level[0] = first with { Quantity = first.Quantity - filled };
            else
                level.RemoveAt(0);
            if (level.Count == 0)
                _levels.Remove(price);
        }

        return quantity;
    }

    /// <summary>Puts an order behind those that rest at its price.</summary>
    public void Rest(ulong price, RestingOrder order)
    {
        if (!_levels.TryGetValue(price, out var level))
            _levels.Add(price, level = []);
        level.Add(order);
    }

    /// <summary>Takes orders off; a price at which nothing is left disappears.</summary>
    public void Cancel(ulong id)
    {
        foreach (var (price, level) in _levels.ToArray())
        {
            if (level.RemoveAll(order => order.Id == id) > 0 && level.Count == 0)
                _levels.Remove(price);
        }
    }

    /// <summary>The best prices.</summary>
    public IReadOnlyList<PriceLevel> Top(nuint depth) =>
        [.. _levels.Take((int)Math.Min(depth, int.MaxValue)).Select(static level => new PriceLevel(level.Key, Sum(level.Value)))];

    public void Clear() => _levels.Clear();

    private static ulong Sum(List<RestingOrder> level) => level.Aggregate(0UL, static (sum, order) => sum + order.Quantity);
}
