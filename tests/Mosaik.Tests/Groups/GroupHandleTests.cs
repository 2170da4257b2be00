using Mosaik.Groups;
using Mosaik.Groups.Sync;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Tests.Groups;

/// <summary>Joining, handles, leaving, failing (spec/groups.md §3, §12).</summary>
public sealed class GroupHandleTests : IDisposable
{
    private readonly GroupWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Joining_again_gives_another_handle_to_the_same_instance() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        var first = GroupWorld.Join(node);
        var second = GroupWorld.Join(node);
        Assert.Equal(first.Id, second.Id);
        await _world.WithinAsync(first.When.IsLeader().WaitAsync(), GroupWorld.T);
        await first.ExecuteAsync(GroupWorld.Increment(4));
        Assert.Equal(4L, (await second.QueryAsync(default)).Result);

        await first.DisposeAsync();
        await first.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await first.ExecuteAsync(GroupWorld.Increment(1)));
        Assert.Equal(2UL, (await second.ExecuteAsync(GroupWorld.Increment(1))).Value);
        Assert.Equal(GroupState.Running, second.State);
        await second.DisposeAsync();
        Assert.Equal(GroupState.Terminated, second.State);
        await second.Completion;

        var third = GroupWorld.Join(node);
        Assert.Equal(0UL, third.Committed.Value);
    });

    [Fact]
    public void A_machine_of_another_type_is_refused() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        _ = GroupWorld.Join(node);
        Assert.Throws<MosaikConfigurationException>(() => node.Groups.Join(GroupWorld.Key, new Impostor()));
    });

    [Fact]
    public void A_sync_of_its_own_takes_the_place_of_log_replay_and_an_unknown_one_is_refused() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        var replay = GroupWorld.Join(node);
        var group = node.Groups.Join(GroupWorld.Key, new Synced(new OwnSync()));
        Assert.NotEqual(replay.Id, group.Id);
        await _world.WithinAsync(group.When.IsLeader().WaitAsync(), GroupWorld.T);
        Assert.Equal(1UL, (await group.ExecuteAsync(4)).Value);
        Assert.Throws<MosaikConfigurationException>(() => node.Groups.Join(GroupWorld.Key, new Synced(new UnknownSync())));
    });

    [Fact]
    public void The_entry_lists_the_group_while_it_is_joined() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        var (first, second) = (GroupWorld.Join(node), GroupWorld.Join(node));
        Assert.Contains(first.Id, node.Discovery.Me.Entry.Groups);
        await first.DisposeAsync();
        Assert.Contains(first.Id, node.Discovery.Me.Entry.Groups);
        await second.DisposeAsync();
        Assert.DoesNotContain(first.Id, node.Discovery.Me.Entry.Groups);
    });

    [Fact]
    public void Leaving_fails_what_waits_and_the_others_see_it_at_once() => _world.Run(async () =>
    {
        var (nodes, groups) = await _world.ClusterAsync(2);
        var conditions = new[]
        {
            groups[1].When.IsLeader(), groups[1].When.Online().Not().Not().Not(), groups[1].Bonds.WhenAny(b => b.Count == 9),
        };
        var waits = new[] { conditions[0].WaitAsync().AsTask(), conditions[2].WaitAsync().AsTask() };
        var offline = groups[1].When.Offline().WaitAsync().AsTask();
        var start = _world.Now;
        await groups[1].DisposeAsync();
        Assert.InRange((_world.Now - start).TotalSeconds, 0, 1);
        foreach (var wait in waits)
            await Assert.ThrowsAsync<GroupTerminatedException>(() => wait);
        await offline;
        await groups[1].When.Offline();
        await Assert.ThrowsAsync<GroupTerminatedException>(async () => await groups[1].When.Online());
        await Assert.ThrowsAsync<GroupTerminatedException>(async () => await groups[1].When.IsFollower());
        await groups[1].Completion;
        await _world.WithinAsync(groups[0].Bonds.WhenAny(b => b.Count == 0).WaitAsync(), 0.2);
        Assert.DoesNotContain(groups[0].Id, nodes[1].Discovery.Me.Entry.Groups);
    });

    [Fact]
    public void A_failing_machine_ends_its_group_only() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        var (group, other) = (node.Groups.Join(GroupWorld.Key, new Failing()), GroupWorld.Join(node));
        await _world.WithinAsync(group.When.IsLeader().WaitAsync(), GroupWorld.T);
        var error = await Assert.ThrowsAsync<GroupTerminatedException>(async () => await group.ExecuteAsync(1));
        Assert.IsType<InvalidOperationException>(error.InnerException);
        Assert.Equal(GroupState.Terminated, group.State);
        await Assert.ThrowsAsync<GroupTerminatedException>(() => group.Completion);
        await Assert.ThrowsAsync<GroupTerminatedException>(async () => await group.FeedAsync(1));
        await Assert.ThrowsAsync<GroupTerminatedException>(async () => await group.QueryAsync(default));
        Assert.DoesNotContain(group.Id, node.Discovery.Me.Entry.Groups);
        await _world.WithinAsync(other.When.IsLeader().WaitAsync(), GroupWorld.T);
        await other.ExecuteAsync(GroupWorld.Increment(1));
        await group.DisposeAsync();
    });

    [Fact]
    public void A_failing_query_fails_its_caller_only() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(2);
        var groups = new[] { nodes[0].Groups.Join(GroupWorld.Key, new Failing()), nodes[1].Groups.Join(GroupWorld.Key, new Failing()) };
        await _world.DiscoverAsync(nodes);
        foreach (var group in groups)
            await _world.WithinAsync(group.When.Online().WaitAsync(), GroupWorld.T);
        var leader = groups.Single(g => g.IsLeader);
        var follower = groups.Single(g => !g.IsLeader);
        await Assert.ThrowsAsync<NotSupportedException>(async () => await leader.QueryAsync(default));
        await Assert.ThrowsAsync<NotSupportedException>(async () => await leader.QueryAsync(default, Consistency.Strong));
        await Assert.ThrowsAsync<NotSupportedException>(async () => await follower.QueryAsync(default));
        await Assert.ThrowsAsync<GroupQueryOfflineException<Unit>>(async () => await follower.QueryAsync(default, Consistency.Strong));
        Assert.Equal(GroupState.Running, leader.State);
    });

    [Fact]
    public void Calls_before_a_leader_is_known_fail_at_once_and_can_be_repeated() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        var group = GroupWorld.Join(node);
        var error = await Assert.ThrowsAsync<GroupOfflineException<CounterCommand>>(
            async () => await group.ExecuteAsync(GroupWorld.Increment(3)));
        Assert.Equal((OfflineOutcome.NotSubmitted, OfflineReason.NoLeader, true), (error.Outcome, error.Reason, error.IsTransient));
        Assert.Equal([GroupWorld.Increment(3)], error.Commands);
        Assert.Null(error.Assigned);
        await Assert.ThrowsAsync<GroupQueryOfflineException<Unit>>(async () => await group.QueryAsync(default, Consistency.Strong));
        Assert.Equal(0L, (await group.QueryAsync(default)).Result);
        await _world.WithinAsync(group.When.IsLeader().WaitAsync(), GroupWorld.T);
        Assert.Equal(1UL, (await group.ExecuteManyAsync(error.Commands)).End.Value);
    });

    [Fact]
    public void Errors_of_the_encoding_are_thrown_by_the_call() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        var group = node.Groups.Join(GroupWorld.Key, new Texts(), new GroupOptions { MaxCommandBytes = 10 });
        await _world.WithinAsync(group.When.IsLeader().WaitAsync(), GroupWorld.T);
        var tooLarge = Assert.Throws<DatumTooLargeException>(() => { _ = group.ExecuteAsync("0123456789"); });
        Assert.Equal((11, 10), (tooLarge.Size, tooLarge.Limit));
        Assert.Throws<DatumEncodingException>(() => { _ = group.FeedAsync("\ud800"); });
        Assert.Throws<ArgumentException>(() => { _ = group.ExecuteManyAsync([]); });
        Assert.Throws<DatumTooLargeException>(() => { _ = group.FeedManyAsync(["a", "0123456789"]); });
        Assert.Equal(1UL, (await group.ExecuteAsync("012345678")).Value);
        Assert.Equal("012345678", (await group.QueryAsync(default)).Result);
    });

    [Fact]
    public void Cancelling_stops_the_observation_and_not_the_command() => _world.Run(async () =>
    {
        var (_, groups) = await _world.ClusterAsync(2);
        using var source = new CancellationTokenSource();
        var call = groups[1].ExecuteAsync(GroupWorld.Increment(5), source.Token).AsTask();
        source.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await _world.WithinAsync(groups[1].When.Committed().Reaches(new LogIndex(1)).WaitAsync(), 2);
        Assert.Equal(5L, (await groups[1].QueryAsync(default)).Result);
    });

    [Fact]
    public void Calls_keep_their_order_over_all_handles_and_under_pressure() => _world.Run(async () =>
    {
        var (nodes, groups) = await _world.ClusterAsync(2, _ => new GroupOptions { CommandQueueCapacity = 4 });
        var second = GroupWorld.Join(nodes[1]);
        var calls = new List<Task<LogIndex>>();
        for (uint i = 0; i < 100; i++)
            calls.Add((i % 2 == 0 ? groups[1] : second).ExecuteAsync(GroupWorld.Increment(i)).AsTask());
        var indices = await Task.WhenAll(calls);
        Assert.Equal(Enumerable.Range(1, 100).Select(i => (ulong)i), indices.Select(i => i.Value));
    });

    [Fact]
    public void A_network_that_stops_ends_its_groups_without_a_cause() => _world.Run(async () =>
    {
        var (nodes, groups) = await _world.ClusterAsync(2);
        await nodes[1].DisposeAsync();
        await groups[1].Completion;
        Assert.Throws<NetworkClosedException>(() => GroupWorld.Join(nodes[1]));
        await groups[1].DisposeAsync();
        await _world.WithinAsync(groups[0].Bonds.WhenAny(b => b.Count == 0).WaitAsync(), 1);

        nodes[0].Abort();
        await _world.WithinAsync(new ValueTask(groups[0].Completion), 1);
        await Assert.ThrowsAsync<GroupTerminatedException>(async () => await groups[0].ExecuteAsync(GroupWorld.Increment(1)));
    });

    private sealed class Impostor : IStateMachine<CounterCommand, Unit, long>
    {
        public UniqueId Signature => UniqueId.FromByte(2);

        public IStateSync StateSync { get; } = new Counter().StateSync;

        public void Apply(CounterCommand command, in ApplyContext context) => throw new InvalidOperationException("not the counter");

        public long Query(Unit query) => 0;
    }

    private sealed class Synced(IStateSync sync) : IStateMachine<int, Unit, int>
    {
        public UniqueId Signature => UniqueId.From("synced");

        public IStateSync StateSync => sync;

        public void Apply(int command, in ApplyContext context)
        {
            // Only its sync matters here.
        }

        public int Query(Unit query) => 0;
    }

    private sealed class OwnSync : ISyncSchemeSource
    {
        public UniqueId Signature => UniqueId.From("a sync of its own");

        public ISyncScheme CreateScheme() => LogReplayScheme.Instance;
    }

    private sealed class UnknownSync : IStateSync
    {
        public UniqueId Signature => UniqueId.From("unknown");
    }

    private sealed class Failing : IStateMachine<int, Unit, int>
    {
        public UniqueId Signature => UniqueId.From("failing");

        public void Apply(int command, in ApplyContext context) => throw new InvalidOperationException("on purpose");

        public int Query(Unit query) => throw new NotSupportedException("on purpose");
    }

    private sealed class Texts : IStateMachine<string, Unit, string>
    {
        private string _last = "";

        public UniqueId Signature => UniqueId.From("texts");

        public void Apply(string command, in ApplyContext context) => _last = command;

        public string Query(Unit query) => _last;
    }
}
