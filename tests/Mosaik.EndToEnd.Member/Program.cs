// One of several equal replicas, with a client of its own. A test starts and kills them; it talks to them by lines.
//
//   Mosaik.EndToEnd.Member NETWORK REPLICAS KEY [PEER]
//
// stdin:   stop = the client ends; all = read everything; end of input = leave.
// SIGTERM: the client ends; leave.
// stdout:  address ADDRESS | leader ID | roster ID... | try TEXT TIME | ack TEXT TIME LEADER | refused TEXT |
//          read COUNT FROM TO | stopped | all TEXT...
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using Mosaik;
using Mosaik.EndToEnd.Member;
using Mosaik.Groups;
using Mosaik.Primitives;

var terminated = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
using var signal = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
{
    context.Cancel = true;
    terminated.TrySetResult();
});
var options = GroupOptions.Replicas(int.Parse(args[1], CultureInfo.InvariantCulture)) with
{
    VoterReplacementDelay = TimeSpan.FromSeconds(1.5),
    Consensus = new ConsensusOptions
    {
        HeartbeatInterval = TimeSpan.FromMilliseconds(200),
        HeartbeatJitter = TimeSpan.FromMilliseconds(50),
        ElectionTimeout = TimeSpan.FromSeconds(1),
        ElectionTimeoutJitter = TimeSpan.FromMilliseconds(500),
        BootstrapDelay = TimeSpan.FromSeconds(1),
    },
};
await using var network = await Network.StartAsync(args[0], new NetworkOptions
{
    SecretKey = SecretKey.FromText(args[2]),
    BindAddresses = [new IPEndPoint(IPAddress.Loopback, 0)],
});
Console.WriteLine($"address {network.Local.Address}");
if (args is [_, _, _, var peer])
    await network.SyncWithAsync(EndpointAddress.Parse(peer));
await using var group = network.Groups.Join(GroupKey.FromSecret(args[0]), new JournalMachine(), options);

using var stop = new CancellationTokenSource();
var client = new Client(group, $"{network.Local.Id.ToString()[..8]}.{Environment.ProcessId}");
var work = client.RunAsync(stop.Token);
while (await LineAsync() is { } line)
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

await stop.CancelAsync();
await work;

async Task<string?> LineAsync()
{
    var reading = Task.Run(Console.In.ReadLine);
    return await Task.WhenAny(reading, terminated.Task) == reading ? await reading : null;
}
