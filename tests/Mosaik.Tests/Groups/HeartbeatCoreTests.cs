using Mosaik.Groups;
using Mosaik.Groups.Bonds;
using Mosaik.Testing;

namespace Mosaik.Tests.Groups;

/// <summary>When a bond pings and when it gives up (spec/groups.md §4.6).</summary>
public sealed class HeartbeatCoreTests
{
    private static readonly TimeSpan Start = TimeSpan.FromSeconds(1);

    [Fact]
    public void The_first_tick_is_immediate_and_pings()
    {
        var core = Core();
        Assert.Equal(Start, core.NextTick);
        Assert.Equal(HeartbeatCore.Action.Ping, core.Tick(Start, Start, isIdle: true));
        Assert.InRange(core.NextTick - Start, TimeSpan.FromMilliseconds(351), TimeSpan.FromMilliseconds(500));
    }

    [Fact]
    public void What_waits_to_be_sent_takes_the_place_of_a_ping() =>
        Assert.Equal(HeartbeatCore.Action.None, Core().Tick(Start, Start, isIdle: false));

    [Fact]
    public void A_silent_peer_is_given_up_after_3_9_to_5_5_seconds()
    {
        for (ulong seed = 0; seed < 100; seed++)
        {
            var core = Core(seed: seed);
            var now = Start;
            while (core.Tick(now, Start, isIdle: true) != HeartbeatCore.Action.GiveUp)
                now = core.NextTick;
            Assert.InRange((now - Start).TotalSeconds, 3.85, 5.5);
        }
    }

    [Fact]
    public void Every_receipt_starts_over()
    {
        var core = Core(new ConsensusOptions { HeartbeatJitter = TimeSpan.Zero });
        var (now, heard) = (Start, Start);
        for (var i = 0; i < 9; i++)
        {
            core.Tick(now, heard, isIdle: true);
            now = core.NextTick;
        }

        Assert.True(core.Missed > 0);
        heard = now;
        Assert.Equal(HeartbeatCore.Action.None, core.Tick(now, heard, isIdle: true));
        Assert.Equal(0u, core.Missed);
        Assert.Equal(heard + TimeSpan.FromMilliseconds(500), core.NextTick);
    }

    [Fact]
    public void A_late_tick_does_not_make_others_follow_at_once()
    {
        var core = Core(new ConsensusOptions { HeartbeatJitter = TimeSpan.Zero });
        core.Tick(Start, Start, isIdle: true);
        var late = Start + TimeSpan.FromSeconds(30);
        Assert.Equal(HeartbeatCore.Action.Ping, core.Tick(late, Start, isIdle: true));
        Assert.Equal(1u, core.Missed);
        Assert.Equal(late + TimeSpan.FromMilliseconds(500), core.NextTick);
        Assert.Equal(HeartbeatCore.Action.None, core.Tick(late, Start, isIdle: true));
    }

    private static HeartbeatCore Core(ConsensusOptions? options = null, ulong seed = 1) =>
        new(options ?? new ConsensusOptions(), new SimulationRandom(seed), Start);
}
