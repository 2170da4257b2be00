using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Streams;
using Mosaik.Testing;
using Mosaik.Tests.Discovery;

namespace Mosaik.Tests.Streams;

/// <summary>Conditions on channels (spec/streams.md §6), without a network.</summary>
public sealed class ChannelConditionTests
{
    private readonly SimulationScheduler _scheduler = new();
    private readonly ChannelSet _set;
    private readonly StreamWhen _when;
    private int _channels;

    public ChannelConditionTests()
    {
        _set = new ChannelSet(_scheduler);
        _when = new StreamWhen(_set, new ConditionSource());
    }

    [Fact]
    public void Only_connected_channels_count()
    {
        var condition = _when.Subscribed();
        var channel = Add();
        Assert.False(condition.IsMet);
        _set.SetState(channel, ChannelState.Connected);
        Assert.True(condition.IsMet);
        _set.SetState(channel, ChannelState.Connecting);
        Assert.False(condition.IsMet);
        _set.SetState(channel, ChannelState.Connected);
        _set.SetState(channel, ChannelState.Terminated, CloseCode.TooSlow);
        Assert.False(condition.IsMet);
        Assert.Empty(_set.Snapshot);
        Assert.Equal(CloseCode.TooSlow, channel.CloseReason);
        Assert.Null(_set.SetState(channel, ChannelState.Connected)); // final
    }

    [Fact]
    public void Minimum_tags_predicates_and_inversion_combine()
    {
        Connect("a", "b");
        Connect("a");
        Assert.True(_when.Subscribed().AtLeast(2).WithTags("a").IsMet);
        Assert.False(_when.Subscribed().AtLeast(2).WithTags("a", "b").IsMet);
        Assert.True(_when.Subscribed().WithTags("a").WithTags("b").IsMet);
        Assert.False(_when.Subscribed().WithTags("a").WithPredicate(_ => false).IsMet);
        Assert.True(_when.Subscribed().AtLeast(0).IsMet);
        Assert.True(_when.Unsubscribed().AtLeast(3).IsMet); // fewer than three
        Assert.False(_when.Unsubscribed().AtLeast(2).IsMet);
        Assert.False(_when.Subscribed().Not().Not().IsMet); // inverting twice changes nothing
        Assert.Throws<ArgumentOutOfRangeException>(() => _when.Subscribed().AtLeast(-1));
    }

    [Fact]
    public void The_first_wait_completes_at_once_if_met_and_each_later_one_once_per_further_rise() => Run(async () =>
    {
        var condition = _when.Subscribed();
        var channel = Connect();
        await condition;
        var second = condition.WaitAsync().AsTask();
        await Settle();
        Assert.False(second.IsCompleted); // it stays met: nothing new
        _set.SetState(channel, ChannelState.Connecting);
        await Settle();
        Assert.False(second.IsCompleted);
        _set.SetState(channel, ChannelState.Connected);
        await second;

        // Fall, rise, fall between two waits: the rise was counted; three rises are consumed by one wait.
        for (var i = 0; i < 3; i++)
        {
            _set.SetState(channel, ChannelState.Connecting);
            _set.SetState(channel, ChannelState.Connected);
        }

        _set.SetState(channel, ChannelState.Connecting);
        await condition;
        Assert.False(condition.IsMet);
        Assert.False(condition.WaitAsync().IsCompleted);
        await condition.Not(); // fresh memory
    });

    [Fact]
    public void A_cancelled_wait_consumes_nothing_and_concurrent_waits_complete_together() => Run(async () =>
    {
        var condition = _when.Subscribed();
        using var cancel = new CancellationTokenSource();
        var cancelled = condition.WaitAsync(cancel.Token).AsTask();
        var (a, b) = (condition.WaitAsync().AsTask(), condition.WaitAsync().AsTask());
        cancel.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        Connect();
        await a;
        await b;
        await condition.Clone();
        Assert.False(condition.WaitAsync().IsCompleted);
    });

    [Fact]
    public void Closing_removes_the_channels_and_fails_what_cannot_come_any_more() => Run(async () =>
    {
        var (many, none, used) = (_when.Subscribed().AtLeast(2).WaitAsync().AsTask(), _when.Unsubscribed(), _when.Subscribed());
        Connect();
        await used;
        var pending = used.WaitAsync().AsTask();
        var empty = none.WaitAsync().AsTask();
        _set.Close(CloseCode.GracefulShutdown, () => new ChannelClosedException());
        await empty;
        await Assert.ThrowsAsync<ChannelClosedException>(() => many);
        await Assert.ThrowsAsync<ChannelClosedException>(() => pending);
        await Assert.ThrowsAsync<ChannelClosedException>(async () => await _when.Subscribed());
        await _when.Unsubscribed();
        Add();
        Assert.Empty(_set.Snapshot);
    });

    [Fact]
    public void A_predicate_that_throws_fails_its_own_waits_only() => Run(async () =>
    {
        var bad = _when.Subscribed().WithPredicate(_ => throw new FormatException("no")).WaitAsync().AsTask();
        var good = _when.Subscribed().WaitAsync().AsTask();
        Connect();
        await good;
        await Assert.ThrowsAsync<FormatException>(() => bad);
    });

    [Fact]
    public void A_predicate_may_wait_on_a_condition_of_its_own() => Run(async () =>
    {
        var inner = new List<Task>();
        var outer = _when.Subscribed().WithPredicate(_ =>
        {
            inner.Add(_when.Subscribed().WaitAsync().AsTask());
            return true;
        }).WaitAsync().AsTask();
        Connect();
        await outer;
        await Task.WhenAll(inner);
        Assert.NotEmpty(inner);
    });

    [Fact]
    public void A_condition_that_is_only_awaited_survives_a_collection() => Run(async () =>
    {
        var wait = Begin(_when);
        Collect();
        Connect();
        await wait;

        [MethodImpl(MethodImplOptions.NoInlining)]
        static Task Begin(StreamWhen when) => when.Subscribed().AtLeast(1).WaitAsync().AsTask();
    });

    [Fact]
    public void A_condition_nobody_refers_to_is_forgotten() => Run(async () =>
    {
        var seen = new List<WeakReference>();
        using var cancel = new CancellationTokenSource();
        for (var i = 0; i < 100; i++)
            seen.Add(Use(_when, cancel.Token));
        cancel.Cancel();
        await Settle();
        Collect();
        Assert.Equal(0, seen.Count(r => r.IsAlive));
        Connect();

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference Use(StreamWhen when, CancellationToken token)
        {
            var condition = when.Subscribed();
            _ = condition.WaitAsync(token).AsTask();
            return new WeakReference(condition);
        }
    });

    private static void Collect()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }

    private void Run(Func<Task> body) => _scheduler.Run(body, TimeSpan.FromMinutes(1));

    /// <summary>Lets everything that is due happen.</summary>
    private async Task Settle() => await Task.Delay(TimeSpan.FromSeconds(1), _scheduler.TimeProvider);

    private ChannelInfo Connect(params Tag[] tags)
    {
        var channel = Add(tags);
        _set.SetState(channel, ChannelState.Connected);
        return channel;
    }

    private ChannelInfo Add(params Tag[] tags)
    {
        PeerEntry peer = TestEntries.MakeUnsigned(++_channels, 1, 1, tags: tags);
        var channel = new ChannelInfo(_channels, "stream", TestEntries.Key(0).PeerId, peer.Id, peer, _scheduler.TimeProvider, _scheduler);
        _set.Add(channel);
        return channel;
    }
}
