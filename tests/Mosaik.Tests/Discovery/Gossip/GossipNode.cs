using Mosaik.Diagnostics;
using Mosaik.Discovery.Gossip;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Tests.Networking;

namespace Mosaik.Tests.Discovery.Gossip;

/// <summary>A node whose only part is gossip.</summary>
internal sealed class GossipNode : ISubsystem
{
    private readonly Network _network;

    public GossipNode(Network network, GossipOptions options, NetworkOptions settings)
    {
        _network = network;
        Logger = new ListLogger();
        Driver = new GossipDriver(GossipContext.Of(
            network.Local, options, settings.Random, MosaikDiagnostics.MeterOf(settings.MeterFactory), Logger));
    }

    public string Name => "gossip";

    public GossipDriver Driver { get; }

    public ListLogger Logger { get; }

    public Network Network => _network;

    public LocalNode Local => _network.Local;

    public PeerId Id => _network.Local.Id;

    public void Knows(PeerId peer, IEnumerable<TransportAddress> addresses) =>
        Local.UpdateAddresses((book, now) => book.Add(peer, AddressSource.Explicit, addresses, now));

    public void Knows(GossipNode other) => Knows(other.Id, other.Local.Address.Addresses);

    public ValueTask StartAsync(CancellationToken cancellationToken)
    {
        Local.Router.Register(WireProtocol.Announce, Driver);
        Local.AddressChanged = Driver.OnAddressChanged;
        Driver.Start();
        return ValueTask.CompletedTask;
    }

    public void OnOnline()
    {
    }

    public ValueTask LeaveAsync(CancellationToken cancellationToken) => Driver.LeaveAsync(cancellationToken);

    public ValueTask DisposeAsync() => Driver.DisposeAsync();
}
