// A publisher and two subscribers, each a process of its own, stream a text file of this repository over encrypted UDP.
//
//   dotnet run -c Release --project samples/QuickStart
//
// Without arguments the program starts itself three times; `publish` and `subscribe` are the roles of the three.
using QuickStart;

return args switch
{
    [] => await Conductor.RunAsync(),
    ["publish", var file, .. var peers] => await Publisher.RunAsync(file, peers),
    ["subscribe", var copy] => await Subscriber.RunAsync(copy),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: QuickStart [publish FILE PEER... | subscribe COPY]");
    return 2;
}
