using Mosaik.Quic.Recovery;

namespace Mosaik.Quic.Tests.Recovery;

public sealed class AckPolicyTests
{
    private static readonly TimeSpan T0 = TimeSpan.FromSeconds(10);

    private static TimeSpan At(double ms) => T0 + TimeSpan.FromMilliseconds(ms);

    [Fact]
    public void One_packet_waits_25_ms_and_two_do_not_wait()
    {
        var policy = new AckPolicy(PacketSpaceId.Application);
        policy.OnPacketReceived(T0, 0, ackEliciting: true);

        Assert.False(policy.IsDue(At(24.9)));
        Assert.Equal(At(25), policy.Deadline);
        Assert.True(policy.IsDue(At(25)));
        policy.OnPacketReceived(At(1), 1, ackEliciting: true);
        Assert.True(policy.IsDue(At(1)));
        Assert.Equal(At(25), policy.Deadline);
    }

    [Fact]
    public void A_drain_of_32_packets_needs_one_ack()
    {
        var policy = new AckPolicy(PacketSpaceId.Application);
        for (ulong n = 0; n < 32; n++)
            policy.OnPacketReceived(T0, n, ackEliciting: true);
        Assert.True(policy.IsDue(T0));
        policy.OnAckSent();
        Assert.False(policy.IsDue(At(1000)));
        Assert.False(policy.HasUnreported);
        Assert.Null(policy.Deadline);
    }

    [Theory]
    [InlineData(5, 7)]      // a gap
    [InlineData(5, 4)]      // older than the largest
    public void Out_of_order_is_reported_at_once(ulong first, ulong second)
    {
        var policy = new AckPolicy(PacketSpaceId.Application);
        policy.OnPacketReceived(T0, first, ackEliciting: true);
        policy.OnAckSent();
        policy.OnPacketReceived(T0, second, ackEliciting: true);
        Assert.True(policy.IsDue(T0));
        policy.OnAckSent();
        policy.OnPacketReceived(T0, Math.Max(first, second) + 1, ackEliciting: true);
        Assert.False(policy.IsDue(T0));
    }

    [Theory]
    [InlineData(PacketSpaceId.Initial, true)]
    [InlineData(PacketSpaceId.Handshake, true)]
    [InlineData(PacketSpaceId.Application, false)]
    internal void Handshake_spaces_do_not_wait(PacketSpaceId space, bool due)
    {
        var policy = new AckPolicy(space);
        policy.OnPacketReceived(T0, 0, ackEliciting: true);
        Assert.Equal(due, policy.IsDue(T0));
    }

    [Fact]
    public void A_congestion_mark_is_reported_at_once()
    {
        var policy = new AckPolicy(PacketSpaceId.Application);
        policy.OnPacketReceived(T0, 0, ackEliciting: true, congestionExperienced: true);
        Assert.True(policy.IsDue(T0));
    }

    [Fact]
    public void Packets_that_elicit_nothing_never_make_an_ack_due()
    {
        var policy = new AckPolicy(PacketSpaceId.Initial);
        for (ulong n = 0; n < 100; n += 3)
            policy.OnPacketReceived(T0, n, ackEliciting: false);
        Assert.False(policy.IsDue(At(10_000)));
        Assert.Null(policy.Deadline);
        Assert.True(policy.HasUnreported);
        Assert.False(policy.IsOwed);
    }

    [Fact]
    public void The_delay_is_that_of_the_largest_packet()
    {
        var policy = new AckPolicy(PacketSpaceId.Application);
        policy.OnPacketReceived(At(0), 7, ackEliciting: true);
        policy.OnPacketReceived(At(3), 6, ackEliciting: true);
        Assert.Equal(TimeSpan.FromMilliseconds(10), policy.AckDelay(At(10)));
        policy.OnPacketReceived(At(9), 8, ackEliciting: true);
        Assert.Equal(TimeSpan.FromMilliseconds(1), policy.AckDelay(At(10)));
    }
}
