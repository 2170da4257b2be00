using System.Net;
using Microsoft.Extensions.Logging;
using Mosaik.Groups;
using Mosaik.Primitives;
using Mosaik.Testing;
using Mosaik.Tests.Discovery;
using Mosaik.Tests.Groups.Conformance;
using CounterGroup = Mosaik.Groups.Group<Mosaik.Tests.Groups.CounterCommand, Mosaik.Groups.Unit, long>;

namespace Mosaik.Tests.Groups;

/// <summary>Whole nodes with groups on the in-memory transport under virtual time, in one thread.</summary>
internal sealed class GroupWorld : IDisposable
{
    public static readonly GroupKey Key = GroupKey.FromSecret("group1secret");

    /// <summary>2 × (BootstrapDelay + ElectionTimeout + jitter).</summary>
    public static readonly TimeSpan T = TimeSpan.FromSeconds(11);

    private readonly DiscoveryWorld _world;

    public GroupWorld(ulong seed = 1) => _world = new DiscoveryWorld(seed);

    public DiscoveryWorld Discovery => _world;

    public InMemoryTransportNetwork Transports => _world.Transports;

    public TimeSpan Now => _world.Scheduler.Now;

    public TimeProvider Time => _world.Scheduler.TimeProvider;

    public static CounterCommand Increment(uint by) => new CounterCommand.Increment(by);

    public static CounterCommand Decrement(uint by) => new CounterCommand.Decrement(by);

    public void Run(Func<Task> scenario) => _world.Run(scenario);

    public void Dispose() => _world.Dispose();

    public Task<Network> StartAsync(SecretKey? key = null, ILoggerFactory? log = null) =>
        _world.StartAsync(key: key, configure: options => options with { LoggerFactory = log });

    public async Task<Network[]> StartManyAsync(int count)
    {
        var nodes = new Network[count];
        for (var i = 0; i < count; i++)
            nodes[i] = await StartAsync();
        return nodes;
    }

    /// <summary>Every node learns the current entry of every other.</summary>
    public Task DiscoverAsync(params Network[] nodes) => _world.DiscoverAllAsync(nodes);

    public static CounterGroup Join(Network node, Counter? machine = null, GroupOptions? options = null) =>
        node.Groups.Join(Key, machine ?? new Counter(), options);

    /// <summary>Nodes that know each other and are online in one counter group, the first one leading.</summary>
    public Task<(Network[] Nodes, CounterGroup[] Groups)> ClusterAsync(int count, Func<int, GroupOptions>? options = null) =>
        new VirtualGroupStage(this).ClusterAsync(count, options);

    public Task DelayAsync(double seconds) => _world.DelayAsync(TimeSpan.FromSeconds(seconds));

    public Task UntilAsync(Func<bool> condition, double seconds, string what) =>
        _world.UntilAsync(condition, TimeSpan.FromSeconds(seconds), what);

    /// <summary>A task must end within some time of the world.</summary>
    public Task<TResult> WithinAsync<TResult>(ValueTask<TResult> task, TimeSpan limit) => task.AsTask().WaitAsync(limit, Time);

    public Task WithinAsync(ValueTask task, TimeSpan limit) => task.AsTask().WaitAsync(limit, Time);

    public Task<TResult> WithinAsync<TResult>(ValueTask<TResult> task, double seconds) =>
        WithinAsync(task, TimeSpan.FromSeconds(seconds));

    public Task WithinAsync(ValueTask task, double seconds) => WithinAsync(task, TimeSpan.FromSeconds(seconds));

    public static IPAddress HostOf(Network node) => node.Local.Endpoint.LocalAddresses[0].Address;

    /// <summary>Cuts nodes off from others.</summary>
    public void Cut(IEnumerable<Network> some, IEnumerable<Network> others) =>
        Transports.Links.Partition([.. some.Select(HostOf)], [.. others.Select(HostOf)]);
}
