using CsCheck;
using Mosaik.Streams;

namespace Mosaik.Tests.Streams;

/// <summary>Rules S1–S7 and L1–L4 of spec/streams.md §4, without threads, links or time of its own.</summary>
public sealed class FanOutCoreTests
{
    private const long NoByteLimit = long.MaxValue / 4;
    private static readonly TimeSpan Never = Timeout.InfiniteTimeSpan;
    private static readonly DatumFramePool Frames = new();

    [Fact]
    public void Without_subscriptions_there_is_room_and_nobody_is_meant()
    {
        var core = new FanOutCore(1, NoByteLimit, LagPolicy.Disconnect, Never);
        Assert.True(core.HasRoom);
        Assert.Equal(0, Publish(core, "x").Matched);
    }

    [Fact]
    public void With_a_buffer_of_one_a_second_datum_finds_no_room_until_the_first_is_handed_over()
    {
        var core = new FanOutCore(1, NoByteLimit, LagPolicy.Disconnect, Never);
        var subscription = core.Add(new Owner());
        Publish(core, "a");
        Assert.False(core.HasRoom);
        Assert.Equal("a", Take(core, subscription));
        Assert.False(core.HasRoom); // taken, but not accepted by the transport
        core.HandedOver(subscription, TimeSpan.Zero);
        Assert.True(core.HasRoom);
    }

    [Fact]
    public void The_fastest_subscription_sets_the_pace()
    {
        var core = new FanOutCore(2, NoByteLimit, LagPolicy.Disconnect, Never);
        var (fast, slow) = (core.Add(new Owner()), core.Add(new Owner()));
        for (var i = 0; i < 4; i++)
        {
            Assert.True(core.HasRoom);
            Publish(core, $"{i}");
            Take(core, fast);
            core.HandedOver(fast, TimeSpan.Zero);
        }

        Assert.Equal(4, slow.Count);
    }

    [Fact]
    public void A_subscription_that_is_behind_by_twice_the_buffer_is_dropped_at_the_next_datum()
    {
        var core = new FanOutCore(2, NoByteLimit, LagPolicy.Disconnect, Never);
        var (fast, slowOwner) = (core.Add(new Owner()), new Owner());
        var slow = core.Add(slowOwner);
        for (var i = 0; i < 5; i++)
        {
            Assert.False(slowOwner.Dropped);
            Publish(core, $"{i}");
            Take(core, fast);
            core.HandedOver(fast, TimeSpan.Zero);
        }

        Assert.True(slowOwner.Dropped);
        Assert.Equal(1, core.ActiveCount);
        Assert.Equal(4, core.Remove(slow));
        Assert.Equal(1, slow.Dropped);
    }

    [Fact]
    public void Where_lagging_subscriptions_are_kept_the_newest_datum_is_skipped_and_counted()
    {
        var core = new FanOutCore(1, NoByteLimit, LagPolicy.Skip, Never);
        var (fast, slow) = (core.Add(new Owner()), core.Add(new Owner()));
        foreach (var text in new[] { "a", "b", "c", "d" })
        {
            Publish(core, text);
            Take(core, fast);
            core.HandedOver(fast, TimeSpan.Zero);
        }

        Assert.Equal(2, slow.Dropped);
        Assert.Equal("ab", Take(core, slow));
    }

    [Fact]
    public void The_byte_limit_counts_like_the_datum_limit()
    {
        var core = new FanOutCore(1000, 10, LagPolicy.Disconnect, Never);
        var owner = new Owner();
        core.Add(owner);
        Publish(core, "12345"); // 5 + 4 bytes
        Assert.True(core.HasRoom);
        Publish(core, "12345");
        Assert.False(core.HasRoom);
        Publish(core, "12345");
        Assert.False(owner.Dropped);
        Publish(core, "12345");
        Assert.True(owner.Dropped);
    }

    [Fact]
    public void A_stall_drops_everybody_once_the_time_is_over()
    {
        var core = new FanOutCore(1, NoByteLimit, LagPolicy.Disconnect, TimeSpan.FromSeconds(5));
        var owner = new Owner();
        core.Add(owner);
        Publish(core, "a");
        core.NoteBlocked(TimeSpan.FromSeconds(1));
        Assert.Equal(TimeSpan.FromSeconds(6), core.StallDeadline);
        Check(core, TimeSpan.FromSeconds(5.9));
        Assert.False(owner.Dropped);
        Check(core, TimeSpan.FromSeconds(6));
        Assert.True(owner.Dropped);
        Assert.True(core.HasRoom);
    }

    [Fact]
    public void A_hand_over_stops_the_stall_clock()
    {
        var core = new FanOutCore(1, NoByteLimit, LagPolicy.Disconnect, TimeSpan.FromSeconds(5));
        var subscription = core.Add(new Owner());
        Publish(core, "a");
        core.NoteBlocked(TimeSpan.FromSeconds(1));
        Take(core, subscription);
        core.HandedOver(subscription, TimeSpan.Zero);
        Assert.Null(core.StallDeadline);
    }

    [Fact]
    public void A_stall_lets_senders_pass_where_lagging_subscriptions_are_kept()
    {
        var core = new FanOutCore(1, NoByteLimit, LagPolicy.Skip, TimeSpan.FromSeconds(5));
        var subscription = core.Add(new Owner());
        Publish(core, "a");
        core.NoteBlocked(TimeSpan.Zero);
        Check(core, TimeSpan.FromSeconds(5));
        Assert.True(core.HasRoom);
        Publish(core, "b");
        Assert.Equal(1, subscription.Dropped);
        Assert.Equal("a", Take(core, subscription));
        core.HandedOver(subscription, TimeSpan.Zero);
        Publish(core, "c");
        Assert.Equal("c", Take(core, subscription));
    }

    [Fact]
    public void The_slowest_sets_the_pace_where_the_producer_is_slowed_down()
    {
        var core = new FanOutCore(2, NoByteLimit, LagPolicy.SlowProducer, Never);
        var (fast, slow) = (core.Add(new Owner()), core.Add(new Owner()));
        for (var i = 0; i < 2; i++)
        {
            Assert.True(core.HasRoom);
            Publish(core, $"{i}");
            Take(core, fast);
            core.HandedOver(fast, TimeSpan.Zero);
        }

        Assert.False(core.HasRoom);
        Assert.Equal("01", Take(core, slow));
        core.HandedOver(slow, TimeSpan.Zero);
        Assert.True(core.HasRoom);
    }

    [Fact]
    public void Only_those_who_hold_up_a_slowed_producer_and_do_not_move_are_dropped()
    {
        var core = new FanOutCore(1, NoByteLimit, LagPolicy.SlowProducer, TimeSpan.FromSeconds(5));
        var (dead, slow, fast) = (new Owner(), new Owner(), new Owner());
        core.Add(dead);
        var slowBacklog = core.Add(slow);
        var fastBacklog = core.Add(fast);
        Publish(core, "a");
        core.NoteBlocked(TimeSpan.Zero);
        Take(core, fastBacklog);
        core.HandedOver(fastBacklog, TimeSpan.FromSeconds(1));
        Take(core, slowBacklog);
        core.HandedOver(slowBacklog, TimeSpan.FromSeconds(4));
        Assert.Equal(TimeSpan.FromSeconds(5), core.StallDeadline);
        Check(core, TimeSpan.FromSeconds(5));
        Assert.True(dead.Dropped);
        Assert.False(slow.Dropped || fast.Dropped);
        Assert.True(core.HasRoom);
        Assert.Null(core.StallDeadline);
    }

    [Fact]
    public void An_idle_writer_is_woken_once()
    {
        var core = new FanOutCore(8, NoByteLimit, LagPolicy.Disconnect, Never);
        var owner = new Owner();
        var subscription = core.Add(owner);
        Assert.Equal("", Take(core, subscription));
        Publish(core, "a");
        Publish(core, "b");
        Assert.Equal(1, owner.Wakes);
    }

    [Fact]
    public void Batches_keep_within_their_bytes_but_take_at_least_one()
    {
        var core = new FanOutCore(8, NoByteLimit, LagPolicy.Disconnect, Never);
        var subscription = core.Add(new Owner());
        foreach (var text in new[] { "aaaaaaaa", "b", "c" })
            Publish(core, text);
        Assert.Equal("aaaaaaaa", Take(core, subscription, maxBytes: 5));
        Assert.Equal("bc", Take(core, subscription, maxBytes: 10));
    }

    [Fact]
    public void Every_subscription_gets_what_was_published_in_order_or_knows_how_much_it_missed()
    {
        // A random schedule of publishes, takes and hand-overs; each subscription is compared with a plain list.
        var steps = Gen.Select(Gen.Int[0, 3], Gen.Int[0, 2]).Array[0, 200];
        steps.Sample(script =>
        {
            var core = new FanOutCore(3, NoByteLimit, LagPolicy.Skip, Never);
            var subscriptions = Enumerable.Range(0, 3).Select(_ => core.Add(new Owner())).ToArray();
            var received = subscriptions.Select(_ => "").ToArray();
            var published = 0;
            foreach (var (step, who) in script)
            {
                if (step < 2)
                {
                    Publish(core, ((char)('A' + published++ % 26)).ToString());
                }
                else
                {
                    received[who] += Take(core, subscriptions[who]);
                    core.HandedOver(subscriptions[who], TimeSpan.Zero);
                }
            }

            for (var i = 0; i < subscriptions.Length; i++)
            {
                received[i] += Take(core, subscriptions[i]);
                if (received[i].Length + subscriptions[i].Dropped != published)
                    return false;
                var all = string.Concat(Enumerable.Range(0, published).Select(n => (char)('A' + n % 26)));
                if (subscriptions[i].Dropped == 0 && received[i] != all)
                    return false;
            }

            return true;
        });
    }

    [Fact]
    public void A_newcomer_makes_room_and_ends_the_stall_clock()
    {
        var core = new FanOutCore(1, NoByteLimit, LagPolicy.Disconnect, TimeSpan.FromSeconds(5));
        core.Add(new Owner());
        Publish(core, "a");
        core.NoteBlocked(TimeSpan.Zero);
        var newcomer = new Owner();
        core.Add(newcomer);
        Assert.True(core.HasRoom);
        Assert.Null(core.StallDeadline);
        Check(core, TimeSpan.FromSeconds(6));
        Assert.False(newcomer.Dropped);
    }

    [Theory]
    [InlineData(LagPolicy.Disconnect), InlineData(LagPolicy.Skip), InlineData(LagPolicy.SlowProducer)]
    public void No_backlog_ever_exceeds_twice_the_buffer_in_datums_or_bytes(LagPolicy policy)
    {
        // ST-7; a sender that heeds HasRoom, takers that come and go.
        Gen.Select(Gen.Int[0, 9], Gen.Int[0, 2], Gen.Int[1, 30]).Array[0, 300].Sample(script =>
        {
            const int BufferSize = 3;
            const int MaxBytes = 60;
            var core = new FanOutCore(BufferSize, MaxBytes, policy, Never);
            var subscriptions = Enumerable.Range(0, 3).Select(_ => core.Add(new Owner())).ToArray();
            foreach (var (step, who, size) in script)
            {
                if (step < 6)
                {
                    if (core.HasRoom)
                        Publish(core, new string('x', size));
                }
                else
                {
                    Take(core, subscriptions[who]);
                    core.HandedOver(subscriptions[who], TimeSpan.Zero);
                }

                if (subscriptions.Any(s => s.Count > 2 * BufferSize || s.Bytes > 2 * MaxBytes + 30 + DatumFrame.HeaderSize))
                    return false;
            }

            return true;
        });
    }

    private static (int Matched, PublishEffects Effects) Publish(FanOutCore core, string text)
    {
        var frame = Frames.Rent();
        foreach (var c in text)
        {
            frame.GetSpan(1)[0] = (byte)c;
            frame.Advance(1);
        }

        frame.Seal();
        PublishEffects effects = default;
        var matched = core.Publish(frame, ref effects);
        effects.Run(inPerson: false);
        frame.Release();
        return (matched, effects);
    }

    private static string Take(FanOutCore _, Backlog backlog, int maxBytes = int.MaxValue)
    {
        var batch = new DatumFrame[64];
        var text = "";
        var count = FanOutCore.Take(backlog, batch, maxBytes);
        foreach (var frame in batch.AsSpan(0, count))
        {
            text += System.Text.Encoding.ASCII.GetString(frame.Bytes.Span[DatumFrame.HeaderSize..]);
            frame.Release();
        }

        return text;
    }

    private static void Check(FanOutCore core, TimeSpan now)
    {
        PublishEffects effects = default;
        core.OnStallCheck(now, ref effects);
        effects.Run(inPerson: false);
    }

    private sealed class Owner : IBacklogOwner
    {
        public int Wakes { get; private set; }

        public bool Dropped { get; private set; }

        public void Wake() => Wakes++;

        public void WriteOrWake() => Wakes++;

        public void DropLagging() => Dropped = true;
    }
}
