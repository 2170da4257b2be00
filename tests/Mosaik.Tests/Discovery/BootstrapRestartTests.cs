using System.Net;
using Mosaik.Discovery;
using Mosaik.Primitives;
using Mosaik.Testing;

namespace Mosaik.Tests.Discovery;

/// <summary>
/// The node that everybody was told of is killed and started anew with the same key: it knows nobody and has nobody to dial.
/// Real QUIC on datagrams in memory, under virtual time.
/// </summary>
public sealed class BootstrapRestartTests
{
    private const int Others = 8;
    private const int Port = 4433;

    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private static DiscoveryOptions Defaults { get; } = new() { RttProbe = RttProbe.Never };

    [Theory]
    [InlineData(1, 0.1)]
    [InlineData(2, 1)]
    [InlineData(3, 5)]
    [InlineData(4, 20)]
    [InlineData(5, 120)]
    public void All_is_whole_again_soon(ulong seed, double downSeconds)
    {
        using var world = new DiscoveryWorld(seed);
        using var datagrams = new InMemoryDatagramNetwork(world.Scheduler.TimeProvider, new SimulationRandom(seed).Stream("datagrams"));
        world.Run(async () =>
        {
            InMemoryHost host = datagrams.AddHost();
            Network first = await StartAsync(host, Defaults);
            SecretKey key = first.Local.SecretKey;
            DiscoveryOptions options = Defaults with { BootstrapPeers = [first.Local.Address] };
            var others = new List<Network>();
            for (int i = 0; i < Others; i++)
                others.Add(await StartAsync(datagrams.AddHost(), options));
            await world.UntilAsync(() => IsWhole(first), 10 * Second, "complete catalogs");
            // Long ago, so that nothing is under way any more.
            await world.DelayAsync((60 + (seed * 1.3)) * Second);

            host.Crash();
            first.Abort();
            await world.DelayAsync(downSeconds * Second);
            Network again = await StartAsync(host, Defaults, key);
            TimeSpan from = world.Scheduler.Now;
            // Who is connected says something within 5 s; who has tried in vain waits about as long as it was down, 60 s at most.
            TimeSpan limit = Math.Min(Math.Max(6, downSeconds), 75) * Second;
            await world.UntilAsync(() => IsWhole(again), limit, "all know all, and the new run");
            TestContext.Current.TestOutputHelper?.WriteLine($"down for {downSeconds} s: whole after {world.Scheduler.Now - from}");

            bool IsWhole(Network bootstrap) =>
                bootstrap.Discovery.Catalog.SignedPeersCount == Others
                && others.TrueForAll(n => n.Discovery.Catalog.SignedPeersCount == Others
                    && n.Discovery.Catalog.GetSigned(bootstrap.Local.Id)?.Version.Start == bootstrap.Discovery.Me.Version.Start);
        });

        Task<Network> StartAsync(InMemoryHost host, DiscoveryOptions options, SecretKey? key = null) => world.StartAsync(
            options,
            key: key,
            configure: o => o with
            {
                TransportFactory = null,
                SocketFactory = host.OpenSocket,
                BindAddresses = [new IPEndPoint(host.Address, Port)],
            });
    }
}
