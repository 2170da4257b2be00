using System.Net;
using Mosaik.Discovery;
using Mosaik.Primitives;

namespace Mosaik.Tests;

/// <summary>Nodes of a network of their own, over QUIC on loopback and in real time.</summary>
internal sealed class LoopbackNodes : IAsyncDisposable
{
    private readonly List<Network> _nodes = [];
    private readonly NetworkId _id = UniqueId.Random(new SeededRandom((ulong)Random.Shared.NextInt64())).ToString();

    /// <summary>A new node that knows nobody.</summary>
    public async Task<Network> StartAsync()
    {
        var node = await Network.StartAsync(
            _id,
            new NetworkOptions { BindAddresses = [new IPEndPoint(IPAddress.Loopback, 0)] },
            TestContext.Current.CancellationToken);
        _nodes.Add(node);
        return node;
    }

    /// <summary>
    /// Every ordered pair of nodes, of whatever network, syncs at once; an error of a sync does not matter, as in the harness
    /// of the Rust tests.
    /// </summary>
    public static Task DiscoverAllAsync(params Network[] nodes) =>
        Task.WhenAll(from a in nodes from b in nodes where a != b select TrySyncAsync(a, b));

    public async ValueTask DisposeAsync() => await Task.WhenAll(_nodes.Select(node => node.DisposeAsync().AsTask()));

    private static async Task TrySyncAsync(Network a, Network b)
    {
        try
        {
            await a.SyncWithAsync(b.Local.Address);
        }
        catch (DiscoveryException)
        {
            // The test's own deadline decides.
        }
    }
}
