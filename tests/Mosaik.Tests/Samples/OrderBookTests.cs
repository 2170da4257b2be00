using CsCheck;
using Mosaik.Groups;
using Mosaik.Postcard;
using OrderBook;

namespace Mosaik.Tests.Samples;

/// <summary>The sample's matching, in a fixed order, and its bytes, against the vectors <c>orderbook/*</c> (spec/groups.md §16).</summary>
public sealed class OrderBookTests
{
    private static readonly VectorFile Vectors = VectorFile.Load("groups.json");
    private static readonly TradingPair Pair = new("ETH", "USDC");

    private static readonly Order[] Demo =
    [
        new(1, Pair, Side.Ask, 300_000, 10, "alice"),
        new(2, Pair, Side.Ask, 301_000, 5, "alice"),
        new(3, Pair, Side.Bid, 299_000, 8, "bob"),
        new(4, Pair, Side.Bid, 300_500, 15, "bob"),
    ];

    private readonly Book _book = new(Pair);

    [Fact]
    public void The_orders_of_the_demo_give_one_fill()
    {
        Place(Demo);
        Assert.Equal([new Fill(4, 1, Pair, 300_000, 10)], Fills());
        AssertTop([new(300_500, 5), new(299_000, 8)], [new(301_000, 5)]);
        Assert.Equal(new BookAnswer.OrderCount(3), _book.Query(new BookQuery.OrderCount()));
    }

    [Fact]
    public void The_order_that_was_there_first_gives_the_price()
    {
        Place(Demo[3], Demo[0]);
        Assert.Equal([new Fill(4, 1, Pair, 300_500, 10)], Fills());
        AssertTop([new(300_500, 5)], []);
    }

    [Fact]
    public void Better_prices_are_taken_first_and_equal_ones_in_the_order_of_arrival()
    {
        Place(Ask(1, 102, 4), Ask(2, 101, 4), Ask(3, 101, 4), Ask(4, 103, 4), Bid(5, 102, 11));
        Assert.Equal([new(5, 2, Pair, 101, 4), new(5, 3, Pair, 101, 4), new Fill(5, 1, Pair, 102, 3)], Fills());
        AssertTop([], [new(102, 1), new(103, 4)]);
    }

    [Fact]
    public void An_ask_takes_the_highest_bids_down_to_its_limit()
    {
        Place(Bid(1, 99, 2), Bid(2, 101, 2), Bid(3, 100, 2), Ask(4, 100, 7));
        Assert.Equal([new(2, 4, Pair, 101, 2), new Fill(3, 4, Pair, 100, 2)], Fills());
        AssertTop([new(99, 2)], [new(100, 3)]);
    }

    [Fact]
    public void What_is_partly_filled_keeps_its_place()
    {
        Place(Ask(1, 100, 5), Ask(2, 100, 5), Bid(3, 100, 2), Bid(4, 100, 4));
        Assert.Equal([new(3, 1, Pair, 100, 2), new(4, 1, Pair, 100, 3), new Fill(4, 2, Pair, 100, 1)], Fills());
    }

    [Fact]
    public void A_cancelled_order_is_gone_from_wherever_it_rests()
    {
        Place(Bid(1, 99, 2), Bid(2, 99, 3), Ask(1, 101, 2));
        Cancel(1);
        AssertTop([new(99, 3)], []);
        Cancel(2);
        Cancel(7);
        AssertTop([], []);
        Place(Ask(3, 90, 1));
        Assert.Empty(Fills());
    }

    [Fact]
    public void Depth_limits_the_levels_and_sums_the_orders_of_each()
    {
        Place(Bid(1, 98, 1), Bid(2, 99, 2), Bid(3, 99, 3), Bid(4, 97, 4));
        AssertTop([new(99, 5), new(98, 1)], [], depth: 2);
        AssertTop([], [], depth: 0);
        AssertTop([new(99, 5), new(98, 1), new(97, 4)], [], nuint.MaxValue);
    }

    [Fact]
    public void Reset_brings_the_initial_state_back()
    {
        Place(Demo);
        _book.Reset();
        Assert.Empty(Fills());
        AssertTop([], []);
    }

    [Fact]
    public void A_book_is_never_crossed_and_loses_nothing() =>
        Gen.Select(Gen.Bool, Gen.ULong[95, 105], Gen.ULong[1, 9]).Array[1, 60].Sample(orders =>
        {
            var book = new Book(Pair);
            for (var i = 0; i < orders.Length; i++)
            {
                var (isBid, price, quantity) = orders[i];
                Apply(book, new BookCommand.PlaceOrder(isBid ? Bid((ulong)i, price, quantity) : Ask((ulong)i, price, quantity)));
            }

            var top = (BookAnswer.TopOfBook)book.Query(new BookQuery.TopOfBook(Pair, 100));
            var fills = ((BookAnswer.Fills)book.Query(new BookQuery.Fills())).All;
            var filled = fills.Aggregate(0UL, (sum, f) => sum + f.Quantity);
            if (top is { Bids: [var bid, ..], Asks: [var ask, ..] })
                Assert.True(bid.Price < ask.Price);
            Assert.Equal(Sum(orders.Where(o => o.Item1).Select(o => o.Item3)), filled + Sum(top.Bids.Select(l => l.Quantity)));
            Assert.Equal(Sum(orders.Where(o => !o.Item1).Select(o => o.Item3)), filled + Sum(top.Asks.Select(l => l.Quantity)));
            Assert.All(fills, f => Assert.InRange(f.Price, orders[(int)f.AskOrderId].Item2, orders[(int)f.BidOrderId].Item2));
        });

    [Fact]
    public void Bytes_are_those_of_the_vectors()
    {
        for (var i = 0; i < Demo.Length; i++)
            AssertBytes<BookCommand>($"orderbook/place-{i + 1}", new BookCommand.PlaceOrder(Demo[i]));
        AssertBytes<BookCommand>("orderbook/cancel", new BookCommand.CancelOrder(2));
        AssertBytes<BookQuery>("orderbook/fills-query", new BookQuery.Fills());
        AssertBytes<BookQuery>("orderbook/top-query", new BookQuery.TopOfBook(Pair, 5));
        Place(Demo);
        AssertBytes("orderbook/fills-result", _book.Query(new BookQuery.Fills()));
        AssertBytes("orderbook/top-result", _book.Query(new BookQuery.TopOfBook(Pair, 5)));
    }

    [Fact]
    public void The_group_is_that_of_the_example_in_rust()
    {
        IStateMachine<BookCommand, BookQuery, BookAnswer> machine = _book;
        Assert.Equal(Vectors["identity/orderbook-signature"].Expected, machine.Signature.ToByteArray());
        Assert.Equal(Vectors["identity/logreplay-orderbook"].Expected, machine.StateSync.Signature.ToByteArray());
        var id = GroupIdentity.IdOf(
            GroupKey.FromSecret("group1secret"), new(), machine.Signature, machine.StateSync.Signature, [], Safety.Available);
        Assert.Equal(Vectors["identity/groupid-orderbook"].Expected, id.ToByteArray());
    }

    private static Order Bid(ulong id, ulong price, ulong quantity) => new(id, Pair, Side.Bid, price, quantity, "bob");

    private static Order Ask(ulong id, ulong price, ulong quantity) => new(id, Pair, Side.Ask, price, quantity, "alice");

    private static ulong Sum(IEnumerable<ulong> numbers) => numbers.Aggregate(0UL, static (sum, n) => sum + n);

    private static void Apply(Book book, BookCommand command) => book.Apply(command, default);

    private static void AssertBytes<T>(string vector, T value)
    {
        var bytes = PostcardSerializer.Default.Encode(value);
        Assert.Equal(Vectors[vector].Expected, bytes);
        Assert.Equal(bytes, PostcardSerializer.Default.Encode(PostcardSerializer.Default.Decode<T>(bytes)));
    }

    private void Place(params Order[] orders)
    {
        foreach (var order in orders)
            Apply(_book, new BookCommand.PlaceOrder(order));
    }

    private void Cancel(ulong id) => Apply(_book, new BookCommand.CancelOrder(id));

    private IReadOnlyList<Fill> Fills() => ((BookAnswer.Fills)_book.Query(new BookQuery.Fills())).All;

    private void AssertTop(PriceLevel[] bids, PriceLevel[] asks, nuint depth = 10)
    {
        var top = (BookAnswer.TopOfBook)_book.Query(new BookQuery.TopOfBook(Pair, depth));
        Assert.Equal(bids, top.Bids);
        Assert.Equal(asks, top.Asks);
    }
}
