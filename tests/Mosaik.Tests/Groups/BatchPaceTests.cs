using Mosaik.Groups;
using Mosaik.Primitives;
using CounterGroup = Mosaik.Groups.Group<Mosaik.Tests.Groups.CounterCommand, Mosaik.Groups.Unit, long>;

namespace Mosaik.Tests.Groups;

/// <summary>Commands of many callers travel together, and none of them waits for long (spec/performance.md §4.3).</summary>
public sealed class BatchPaceTests : IDisposable
{
    private readonly GroupWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Commands_are_taken_when_nothing_is_under_way_or_after_a_millisecond()
    {
        var pace = new BatchPace();
        var at = TimeSpan.FromSeconds(5);
        Assert.True(pace.IsOpen(LogIndex.Zero, at));
        pace.OnBatch(new LogIndex(7), at);
        Assert.False(pace.IsOpen(new LogIndex(6), at));
        Assert.True(pace.IsOpen(new LogIndex(7), at));
        Assert.True(pace.IsOpen(new LogIndex(6), at + BatchPace.LongestHold));
        Assert.Equal(at + BatchPace.LongestHold, pace.OpensAt);
    }

    [Fact]
    public void A_held_call_stays_and_does_not_wake_the_loop_while_a_query_passes()
    {
        var wakes = 0;
        var queue = new CallQueue(10, () => wakes++);
        var taken = new List<GroupCall>();
        Assert.False(queue.HasWork(isHeld: true));
        queue.Add(new Call(1));
        Assert.Equal(0, wakes);
        queue.Take(taken, 10, isHeld: true);
        Assert.Empty(taken);
        Assert.True(queue.HasWork(isHeld: false));
        queue.Add(new Call(0));
        Assert.Equal(1, wakes);
        queue.Take(taken, 10, isHeld: false);
        Assert.Equal(2, taken.Count);
    }

    [Fact]
    public void Calls_above_the_capacity_wait_until_others_have_ended()
    {
        var queue = new CallQueue(3, static () => { });
        var taken = new List<GroupCall>();
        foreach (var commands in new[] { 2, 2, 1 })
            queue.Add(new Call(commands));
        queue.Take(taken, 10, isHeld: false);
        Assert.Equal(2, Assert.Single(taken).CommandCount); // and the third does not pass the second
        Assert.False(queue.HasWork(isHeld: false));
        queue.Ended(2, 0);
        queue.Take(taken, 10, isHeld: false);
        Assert.Equal(3, taken.Count);
    }

    [Fact]
    public void Many_callers_at_once_need_few_round_trips() => _world.Run(async () =>
    {
        var (_, groups) = await _world.ClusterAsync(3);
        var start = _world.Now;
        await groups[0].ExecuteAsync(GroupWorld.Increment(1));
        var one = _world.Now - start;

        const int callers = 500;
        start = _world.Now;
        await Task.WhenAll(Enumerable.Range(0, callers).Select(_ => groups[0].ExecuteAsync(GroupWorld.Increment(1)).AsTask()));
        Assert.InRange(_world.Now - start, TimeSpan.Zero, 3 * (one + BatchPace.LongestHold));
        Assert.Equal(501L, (await groups[0].QueryAsync(default)).Result);
    });

    [Fact]
    public void What_is_fed_is_appended_although_nothing_is_committed() => _world.Run(async () =>
    {
        var (nodes, groups) = await _world.ClusterAsync(3);
        _world.Cut(nodes[..1], nodes[1..]);
        var lost = groups[0].ExecuteAsync(GroupWorld.Increment(1)).AsTask();
        var start = _world.Now;
        for (var i = 0; i < 10; i++)
            await groups[0].FeedAsync(GroupWorld.Increment(1));
        Assert.InRange(_world.Now - start, TimeSpan.Zero, 11 * BatchPace.LongestHold);
        Assert.False(lost.IsCompleted);
    });

    [Fact]
    public void What_is_fed_is_under_way_until_it_is_committed() => _world.Run(async () =>
    {
        var (nodes, groups) = await _world.ClusterAsync(3, _ => new GroupOptions { CommandQueueCapacity = 4 });
        _world.Cut(nodes[..1], nodes[1..]);
        var fed = Feed(groups[0], 10);
        await _world.DelayAsync(0.3);
        Assert.Equal([true, true, true, true, false], fed[..5].Select(t => t.IsCompletedSuccessfully));
        _world.Transports.Links.Heal();
        await _world.WithinAsync(new ValueTask(Task.WhenAll(fed)), 5);

        // Through a member that forwards what it is given.
        await _world.WithinAsync(new ValueTask(Task.WhenAll(Feed(groups[1], 10))), 5);
        await _world.WithinAsync(groups[1].When.Committed().Reaches(new LogIndex(20)).WaitAsync(), 5);
    });

    [Fact]
    public void Fed_commands_are_settled_in_order_by_commits_and_all_at_once_by_another_reign()
    {
        var (leader, other) = (SecretKey.FromSeed(new byte[32]).PeerId, (PeerId?)null);
        var fed = new FedCommands();
        Assert.Equal((0L, 0L), fed.TakeSettled(LogIndex.Zero, leader, Term.One));
        fed.Appended(new LogIndex(2), 2, 20);
        fed.Appended(new LogIndex(5), 3, 30);
        Assert.Equal((0L, 0L), fed.TakeSettled(new LogIndex(1), leader, Term.One));
        Assert.Equal((2L, 20L), fed.TakeSettled(new LogIndex(4), leader, Term.One));
        fed.Appended(new LogIndex(6), 1, 10);
        Assert.Equal((4L, 40L), fed.TakeSettled(new LogIndex(4), leader, new Term(2)));
        fed.Appended(new LogIndex(5), 1, 1);
        Assert.Equal((1L, 1L), fed.TakeSettled(new LogIndex(4), other, new Term(2)));
        Assert.Equal((0L, 0L), fed.TakeSettled(new LogIndex(9), other, new Term(2)));
    }

    private static Task<LogIndex>[] Feed(CounterGroup group, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => group.FeedAsync(GroupWorld.Increment(1)).AsTask())];

    private sealed class Call(int commands) : GroupCall
    {
        public override int CommandCount => commands;

        public override void Begin(GroupDriver driver) => throw new NotSupportedException("has no driver");

        public override void Fail(Exception error) => throw error;
    }
}
