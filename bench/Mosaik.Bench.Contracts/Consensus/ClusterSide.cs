using System.Net;
using System.Net.Sockets;

namespace Mosaik.Bench.Contracts.Consensus;

/// <summary>A side made of equal members, each a process of its own, or all in this one (B4).</summary>
public sealed class ClusterSide(
    string name, string role, string variant, int nodes, string metric, Func<string, INodeRole> createRole) : IWorkloadSide
{
    private readonly List<INode> _nodes = [];

    public string Name => name;

    public bool IsEncrypted { get; init; }

    public string? Missing { get; init; }

    public async ValueTask StartAsync(RunPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var addresses = FreeAddresses(nodes);
        for (var i = 0; i < nodes; i++)
        {
            // The first core is the load's in other workloads; here every member is both.
            int? core = plan.Placement == Placement.Pinned ? Math.Min(i, 1) : null;
            _nodes.Add(plan.Processes == 1 ? new LocalNode(createRole(role)) : NodeProcess.Launch(role, core));
        }

        var starts = _nodes.Select((node, i) => node.StartAsync(
            new NodeStart(addresses[i], string.Join(' ', addresses), 1, 0) { Variant = variant }));
        await Task.WhenAll(starts);
    }

    public async ValueTask<Sample> RunAsync(RunPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        await AllAsync(new NodeMeasure(plan.WarmUp.TotalSeconds, 0, 0));
        var measured = await AllAsync(new NodeMeasure(0, plan.Window.TotalSeconds, 0));
        var leader = measured.MaxBy(static m => m.Operations)!; // there is at least one node
        if (leader.Operations == 0)
            throw new InvalidDataException("nothing was committed while it was measured");
        var isTime = metric == "us";
        if (isTime && leader.Latency is null)
            throw new InvalidDataException("no latencies were measured");
        // Not null: looked at above.
        var value = isTime ? leader.Latency!.P50 : leader.Operations / leader.Seconds;
        return new Sample(value, metric, !isTime, leader.Operations, leader.Seconds)
        {
            // Nodes in one process all see all of it.
            Resources = plan.Processes == 1 ? measured[0].Resources
                : measured.Select(static m => m.Resources).Aggregate(static (a, b) => a.Plus(b)),
            Latency = leader.Latency,
        };
    }

    public async ValueTask StopAsync()
    {
        await Task.WhenAll(_nodes.Select(static n => n.DisposeAsync().AsTask()));
        _nodes.Clear();
    }

    /// <summary>Endpoints on loopback that are free for TCP and UDP now.</summary>
    public static string[] FreeAddresses(int count)
    {
        var sockets = new List<Socket>();
        try
        {
            var addresses = new string[count];
            for (var i = 0; i < count; i++)
            {
                var tcp = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                sockets.Add(tcp);
                tcp.Bind(new IPEndPoint(IPAddress.Loopback, 0));
                var udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
                sockets.Add(udp);
                udp.Bind(tcp.LocalEndPoint!); // bound above
                addresses[i] = $"{tcp.LocalEndPoint}";
            }

            return addresses;
        }
        finally
        {
            sockets.ForEach(static s => s.Dispose());
        }
    }

    private Task<NodeMeasured[]> AllAsync(NodeMeasure measure) =>
        Task.WhenAll(_nodes.Select(n => n.MeasureAsync(measure)));
}
