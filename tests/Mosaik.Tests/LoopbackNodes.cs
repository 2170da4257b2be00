using System.Net;
using Mosaik.Discovery;
using Mosaik.Primitives;

namespace Mosaik.Tests;

/// <summary>Nodes of a network of their own, over QUIC on loopback and in real time.</summary>
internal sealed class LoopbackNodes : IAsyncDisposable
{
    private readonly List<Network> _nodes = [];

    /// <summary>Their network.</summary>
    public NetworkId Id { get; } = UniqueId.Random(new SeededRandom((ulong)Random.Shared.NextInt64())).ToString();

    /// <summary>A new node that knows nobody but its bootstrap peers; several may be started at once.</summary>
    public async Task<Network> StartAsync(DiscoveryOptions? discovery = null, NetworkId? network = null)
    {
        var node = await Network.StartAsync(
            network ?? Id,
            new NetworkOptions
            {
                BindAddresses = [new IPEndPoint(IPAddress.Loopback, 0)],
                Discovery = discovery ?? new DiscoveryOptions(),
            },
            TestContext.Current.CancellationToken);
        lock (_nodes)
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
