using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Discovery.Gossip;

/// <summary>What gossip needs of its node: who it is, clock, scheduler, and the way to others.</summary>
internal sealed class GossipContext
{
    /// <summary>This node.</summary>
    public required PeerId LocalId { get; init; }

    /// <summary>Where this node is, for the first messages; later <see cref="IGossip.OnAddressChanged"/> tells.</summary>
    public required EndpointAddress Address { get; init; }

    /// <summary>Settings, validated.</summary>
    public required GossipOptions Options { get; init; }

    /// <summary>Connects to a peer by its id alone, within 10 s (spec/gossip.md §10).</summary>
    public required Func<PeerId, CancellationToken, ValueTask<ITransportConnection>> ConnectAsync { get; init; }

    /// <summary>Takes what was told of a peer's addresses. Quick, must not throw.</summary>
    public required Action<PeerId, IReadOnlyList<TransportAddress>> AddressesSeen { get; init; }

    /// <summary>Told when the loop cannot go on.</summary>
    public required Action<string, Exception> Failed { get; init; }

    public required TimeProvider TimeProvider { get; init; }

    public required TaskScheduler Scheduler { get; init; }

    public required RandomSource Random { get; init; }

    public required ILogger Logger { get; init; }

    public required GossipMetrics Metrics { get; init; }

    /// <summary>The context of a node.</summary>
    public static GossipContext Of(LocalNode node, GossipOptions options, RandomSource random, Meter meter, ILogger logger) => new()
    {
        LocalId = node.Id,
        Address = node.Address,
        Options = options,
        ConnectAsync = (peer, token) => node.ConnectAsync(WireProtocol.Announce, peer, token),
        AddressesSeen = (peer, addresses) =>
            node.UpdateAddresses((book, now) => book.Add(peer, AddressSource.Gossip, addresses, now)),
        Failed = node.Fail,
        TimeProvider = node.Links.TimeProvider,
        Scheduler = node.Links.Scheduler,
        Random = random,
        Logger = logger,
        Metrics = new GossipMetrics(meter, node.NetworkId),
    };
}
