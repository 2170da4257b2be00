using System.Net;
using Mosaik.Groups;
using CounterGroup = Mosaik.Groups.Group<Mosaik.Tests.Groups.CounterCommand, Mosaik.Groups.Unit, long>;

namespace Mosaik.Tests.Groups;

/// <summary>Groups on real QUIC over UDP and the real clock: bonds, calls, a change of leader, catching up.</summary>
public sealed class GroupUdpTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static readonly GroupOptions Quick = new()
    {
        Consensus = new ConsensusOptions
        {
            HeartbeatInterval = TimeSpan.FromMilliseconds(200),
            HeartbeatJitter = TimeSpan.FromMilliseconds(50),
            ElectionTimeout = TimeSpan.FromMilliseconds(800),
            ElectionTimeoutJitter = TimeSpan.FromMilliseconds(400),
            BootstrapDelay = TimeSpan.FromMilliseconds(500),
            ForwardTimeout = TimeSpan.FromSeconds(20),
            QueryTimeout = TimeSpan.FromSeconds(20),
        },
    };

    [Fact]
    public async Task Members_replicate_elect_another_leader_and_catch_up()
    {
        var nodes = new List<Network>();
        var groups = new List<CounterGroup>();
        try
        {
            for (var i = 0; i < 3; i++)
                nodes.Add(await StartAsync());
            groups.Add(GroupWorld.Join(nodes[0], options: Quick));
            await Within(groups[0].When.IsLeader().WaitAsync(), "the first leader");
            await groups[0].ExecuteManyAsync(Enumerable.Range(1, 50).Select(i => GroupWorld.Increment((uint)i)));
            foreach (var node in nodes[1..])
            {
                groups.Add(GroupWorld.Join(node, options: Quick));
                await node.SyncWithAsync(nodes[0].Local.Address);
            }

            foreach (var group in groups)
            {
                await Within(group.When.Committed().Reaches(new LogIndex(50)).WaitAsync(), "catching up");
                await Within(group.Bonds.WhenAny(b => b.Count == 2).WaitAsync(), "a full mesh");
                await Within(group.When.Online().WaitAsync(), "online");
            }

            var ids = groups.SelectMany(g => g.Bonds.Select(b => b.Id)).Distinct().ToArray();
            Assert.Equal(3, ids.Length); // every id is shared by exactly two ends: the exporter of real TLS agrees
            await ExecuteAsync(groups[1], 7);
            await ExecuteAsync(groups[2], 8);
            Assert.Equal(1290L, (await Within(groups[1].QueryAsync(default, Consistency.Strong), "a strong query")).Result);

            var changes = groups[1..].Select(g => g.When.LeaderChanged()).ToArray();
            await nodes[0].DisposeAsync();
            var leaders = await Task.WhenAll(changes.Select(c => Within(c.WaitAsync(), "another leader")));
            Assert.DoesNotContain(nodes[0].Local.Id, leaders);
            await Within(groups[1].When.Online().WaitAsync(), "online again");
            await ExecuteAsync(groups[1], 10);
            Assert.Equal(1300L, (await groups[1].QueryAsync(default)).Result);
        }
        finally
        {
            foreach (var node in nodes)
                await node.DisposeAsync();
        }
    }

    /// <summary>A slow machine may lose its leader at any time: what was not submitted is submitted again.</summary>
    private static async Task ExecuteAsync(CounterGroup group, uint by)
    {
        while (true)
        {
            try
            {
                await Within(group.ExecuteAsync(GroupWorld.Increment(by)), "an execute");
                return;
            }
            catch (GroupOfflineException error) when (error.Outcome == OfflineOutcome.NotSubmitted)
            {
                await Within(group.When.Online().WaitAsync(), "online");
            }
        }
    }

    private static ValueTask<Network> StartAsync() =>
        Network.StartAsync("groups over udp", new NetworkOptions { BindAddresses = [new IPEndPoint(IPAddress.Loopback, 0)] });

    private static async Task<T> Within<T>(ValueTask<T> task, string what)
    {
        try
        {
            return await task.AsTask().WaitAsync(Limit, TimeProvider.System);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"not within {Limit}: {what}");
        }
    }

    private static Task<bool> Within(ValueTask task, string what) => Within(Awaited(task), what);

    private static async ValueTask<bool> Awaited(ValueTask task)
    {
        await task;
        return true;
    }
}
