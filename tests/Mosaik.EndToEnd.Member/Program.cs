// One of several equal replicas, with a client of its own. A test starts and kills them; it talks to them by lines.
//
//   Mosaik.EndToEnd.Member NETWORK REPLICAS [PEER]
//
// stdin:  stop = the client ends; all = read everything; end of input = leave.
// stdout: address ADDRESS | leader ID | roster ID... | ack TEXT LEADER | violation WHAT | stopped | all TEXT...
using System.Globalization;
using System.Net;
using Mosaik;
using Mosaik.EndToEnd.Member;
using Mosaik.Groups;
using Mosaik.Primitives;

var options = GroupOptions.Replicas(int.Parse(args[1], CultureInfo.InvariantCulture)) with
{
    VoterReplacementDelay = TimeSpan.FromSeconds(3),
};
await using var network = await Network.StartAsync(
    args[0], new NetworkOptions { BindAddresses = [new IPEndPoint(IPAddress.Loopback, 0)] });
Console.WriteLine($"address {network.Local.Address}");
if (args is [_, _, var peer])
    await network.SyncWithAsync(EndpointAddress.Parse(peer));
await using var group = network.Groups.Join(GroupKey.FromSecret(args[0]), new JournalMachine(), options);

using var stop = new CancellationTokenSource();
var client = new Client(group, network.Local.Id.ToString()[..8]);
var work = client.RunAsync(stop.Token);
while (await Console.In.ReadLineAsync() is { } line)
{
    if (line == "stop")
    {
        await stop.CancelAsync();
        await work;
        Console.WriteLine("stopped");
    }
    else
    {
        Console.WriteLine($"all {string.Join(' ', await client.ReadAllAsync())}");
    }
}
