using System.Net;
using Mosaik.Bench.Contracts.Consensus;
using Mosaik.Groups;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Bench.Workloads.Groups;

/// <summary>One member of our side of R1 to R4: a node of its own on loopback, known to the others by a fixed key.</summary>
internal sealed class BenchGroup : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(50);

    private readonly Network _network;

    private BenchGroup(Network network, Group<byte[], Unit, long> group) => (_network, Group) = (network, group);

    public Group<byte[], Unit, long> Group { get; }

    /// <summary>Starts it, and waits until it follows a leader and the group is complete.</summary>
    public static async Task<BenchGroup> StartAsync(IPEndPoint own, IPEndPoint[] all, ConsensusPlan plan)
    {
        var network = await Network.StartAsync("bench", new NetworkOptions
        {
            SecretKey = KeyOf(own),
            BindAddresses = [own],
            Relay = RelayMode.Disabled,
        });
        var options = plan.IsAvailable ? new GroupOptions() : GroupOptions.Replicas(all.Length) with
        {
            VoterReplacementDelay = ElectionTimes.Longest,
        };
        var group = network.Groups.Join(GroupKey.FromSecret("bench"), new CountingMachine(), options with
        {
            Consensus = new ConsensusOptions
            {
                HeartbeatInterval = ElectionTimes.Heartbeat,
                HeartbeatJitter = TimeSpan.Zero,
                ElectionTimeout = ElectionTimes.Shortest,
                ElectionTimeoutJitter = ElectionTimes.Longest - ElectionTimes.Shortest,
                BootstrapDelay = TimeSpan.FromSeconds(1),
            },
        });
        var started = new BenchGroup(network, group);
        try
        {
            await started.MeetAsync(own, all).WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException(
                $"not complete after {Patience.TotalSeconds} s: {network.Discovery.Catalog.SignedPeersCount} peers, "
                + $"{group.Bonds.Count} bonds leader {group.Leader?.ToString() ?? "none"}, {group.Voters.Count} voters, committed {group.Committed}, log {group.LogPosition}");
        }

        return started;
    }

    public async ValueTask DisposeAsync()
    {
        await Group.DisposeAsync();
        await _network.DisposeAsync();
    }

    private static SecretKey KeyOf(IPEndPoint address) => SecretKey.FromText($"bench {address}");

    private async Task MeetAsync(IPEndPoint own, IPEndPoint[] all)
    {
        var others = all.Where(a => !a.Equals(own)).ToList();
        // Whoever is not there yet will come by itself.
        await Task.WhenAll(others.Select(async other =>
        {
            try
            {
                await _network.SyncWithAsync(new EndpointAddress(KeyOf(other).PeerId, new TransportAddress.Ip(other)));
            }
            catch (MosaikException)
            {
                // It meets this node instead.
            }
        }));
        await Group.Bonds.WhenAny(b => b.Count == others.Count);
        await Group.When.RosterComplete();
    }
}
