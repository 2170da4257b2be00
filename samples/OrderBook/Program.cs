// A distributed order book: two traders stream orders to a matcher; three matchers execute them through consensus, so that
// each of them holds the same book; what was filled is streamed to an observer. Six nodes over encrypted UDP.
//
//   dotnet run -c Release --project samples/OrderBook                  # all nodes in one process
//   dotnet run -c Release --project samples/OrderBook -- --processes   # each node a process of its own
using OrderBook;

return args switch
{
    [] => await Conductor.RunAsync(Node.RunAsync),
    ["--processes"] => await Conductor.RunAsync(ChildProcess.RunAsync),
    ["node", var name, var network] => await ChildProcess.BeAsync(name, network, null),
    ["node", var name, var network, var contact] => await ChildProcess.BeAsync(name, network, contact),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: OrderBook [--processes]");
    return 2;
}
