using Mosaik.Groups;
using Mosaik.Primitives;

namespace OrderBook;

/// <summary>
/// The replicated order book: orders are matched by price, then by time. Every matcher applies the same commands in the same
/// order, so that all of them hold the same book and have made the same fills.
/// </summary>
/// <remarks>Its wire name, its signature and the encoding of its commands are those of the order book example in Rust.</remarks>
[WireName("orderbook_example::matching::OrderBook")]
public sealed class Book(TradingPair pair) : IStateMachine<BookCommand, BookQuery, BookAnswer>, IResettable
{
    private readonly BookSide _bids = BookSide.OfBids();
    private readonly BookSide _asks = BookSide.OfAsks();
    private readonly List<Fill> _fills = [];

    public UniqueId Signature => UniqueId.From("orderbook_state_machine");

    public void Apply(BookCommand command, in ApplyContext context)
    {
        switch (command)
        {
            case BookCommand.PlaceOrder(var order):
                Place(order);
                break;
            case BookCommand.CancelOrder(var id):
                _bids.Cancel(id);
                _asks.Cancel(id);
                break;
        }
    }

    public BookAnswer Query(BookQuery query) => query switch
    {
        BookQuery.TopOfBook(_, var depth) => new BookAnswer.TopOfBook(_bids.Top(depth), _asks.Top(depth)),
        BookQuery.Fills => new BookAnswer.Fills([.. _fills]), // a copy: the book goes on
        BookQuery.OrderCount => new BookAnswer.OrderCount((nuint)(_bids.Count + _asks.Count)),
        _ => throw new ArgumentException($"there is no answer to {query}", nameof(query)),
    };

    public void Reset()
    {
        _bids.Clear();
        _asks.Clear();
        _fills.Clear();
    }

    private void Place(Order order)
    {
        var (own, other) = order.Side == Side.Bid ? (_bids, _asks) : (_asks, _bids);
        var left = other.Take(order.Price, order.Quantity, (id, price, quantity) =>
            _fills.Add(order.Side == Side.Bid
                ? new Fill(order.Id, id, pair, price, quantity)
                : new Fill(id, order.Id, pair, price, quantity)));
        if (left > 0)
            own.Rest(order.Price, new RestingOrder(order.Id, left));
    }
}
