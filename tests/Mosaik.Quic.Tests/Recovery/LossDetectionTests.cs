using Mosaik.Quic.Congestion;
using Mosaik.Quic.Recovery;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Recovery;

/// <summary>RFC 9002 §5 and §6.1: samples, thresholds, errors.</summary>
public sealed class LossDetectionTests
{
    private static TimeSpan Ms(double ms) => TimeSpan.FromMilliseconds(ms);

    [Fact]
    public void A_packet_is_lost_when_the_third_after_it_is_acknowledged()
    {
        LossHarness h = new LossHarness().Established();
        for (int i = 0; i < 4; i++)
            h.Send();                                   // 1, 2, 3, 4
        h.Wait(10);
        Assert.Null(h.Ack(3));
        Assert.Empty(h.Lost);
        Assert.Null(h.Ack(4));
        Assert.Equal([1ul], h.Lost);
        Assert.Equal([3ul, 4ul], h.Acked);
        Assert.Equal(1200, h.Congestion.BytesInFlight);
        Assert.Equal(1ul, h.Loss.LostPackets);
    }

    [Fact]
    public void A_packet_is_lost_nine_eighths_of_a_round_trip_after_it_was_sent()
    {
        LossHarness h = new LossHarness().Established(rttMs: 100);
        h.Send();                                       // 1
        h.Wait(2);
        h.Send();                                       // 2
        h.Wait(80);
        Assert.Null(h.Ack(2));                          // sample 80: smoothed 97.5, latest 80
        Assert.Empty(h.Lost);
        double delay = 97.5 * 9 / 8;                    // 109.6875 ms after packet 1 was sent
        Assert.Equal(delay - 82, h.TimeoutInMs!.Value, 4);
        h.Wait(delay - 82 - 0.001);
        h.Loss.OnTimeout(h.Now);
        Assert.Empty(h.Lost);
        h.Wait(0.002);
        h.Loss.OnTimeout(h.Now);
        Assert.Equal([1ul], h.Lost);
        Assert.Equal(0, h.Congestion.BytesInFlight);
        Assert.Equal(0, h.Loss.ProbeTimeoutCount);
        Assert.Null(h.Loss.NextTimeout);
    }

    [Fact]
    public void Only_a_newly_acknowledged_largest_packet_that_elicits_acks_gives_a_sample()
    {
        LossHarness h = new LossHarness().Established(rttMs: 100);
        h.Send(ackEliciting: false);                    // 1
        h.Send();                                       // 2
        h.Send();                                       // 3
        h.Wait(50);
        Assert.Null(h.Ack(1));
        Assert.Equal(Ms(100), h.Loss.Rtt.Latest);       // nothing ack-eliciting
        Assert.Null(h.Ack(3));
        Assert.Equal(Ms(50), h.Loss.Rtt.Latest);
        h.Wait(10);
        Assert.Null(h.Ack(2, 3));
        Assert.Equal(Ms(50), h.Loss.Rtt.Latest);        // largest was known
        Assert.Equal([1ul, 3ul, 2ul], h.Acked);
    }

    [Fact]
    public void The_ack_delay_counts_in_the_application_space_only_and_is_capped_after_confirmation()
    {
        var h = new LossHarness();
        h.Send(PacketSpaceId.Initial);
        h.Wait(100);
        Assert.Null(h.Ack(0, 0, PacketSpaceId.Initial));
        h.Send(PacketSpaceId.Initial);
        h.Wait(180);
        Assert.Null(h.Ack(1, 1, PacketSpaceId.Initial, delayMs: 80));
        Assert.Equal(Ms(110), h.Loss.Rtt.Smoothed);     // 7/8·100 + 1/8·180: the delay is ignored

        h.Send();
        h.Wait(190);
        Assert.Null(h.Ack(0, 0, delayMs: 80));          // not confirmed: 190 − 80 = 110
        Assert.Equal(Ms(110), h.Loss.Rtt.Smoothed);

        h.Loss.OnHandshakeConfirmed(h.Now);
        h.Send();
        h.Wait(190);
        Assert.Null(h.Ack(1, 1, delayMs: 80));          // capped at 25: 165
        Assert.Equal(110 + (165 - 110) / 8.0, h.Loss.Rtt.Smoothed.TotalMilliseconds, 4);
    }

    [Theory]
    [InlineData(0, 50)]
    [InlineData(3, 400)]
    [InlineData(20, 25_000)]      // 50 << 20 µs is 52 s: capped by max_ack_delay
    public void The_ack_delay_is_scaled_with_the_peers_exponent(int exponent, int expectedMicroseconds)
    {
        LossHarness h = new LossHarness().Established(rttMs: 100);
        h.Loss.SetPeerAckDelay(exponent, Ms(25));
        h.Send();
        h.Wait(180);
        Assert.Null(h.Loss.OnAckReceived(h.Now, PacketSpaceId.Application, 50, [new PacketNumberRange(1, 1)]));
        Assert.Equal(100 + (80 - expectedMicroseconds / 1000.0) / 8, h.Loss.Rtt.Smoothed.TotalMilliseconds, 3);
    }

    [Fact]
    public void The_largest_possible_ack_delay_does_not_overflow()
    {
        LossHarness h = new LossHarness().Established(rttMs: 100);
        h.Loss.SetPeerAckDelay(20, Ms(16_383));
        h.Send();
        h.Wait(100);
        Assert.Null(h.Loss.OnAckReceived(h.Now, PacketSpaceId.Application, (1ul << 62) - 1, [new PacketNumberRange(1, 1)]));
        Assert.Equal(Ms(100), h.Loss.Rtt.Smoothed);     // the delay would go below the minimum
    }

    [Fact]
    public void An_ack_of_a_number_never_sent_is_a_protocol_violation()
    {
        LossHarness h = new LossHarness().Established();
        h.Send();                                       // 1
        Assert.Equal(QuicError.ProtocolViolation, h.Ack(2));
        Assert.Equal(QuicError.ProtocolViolation, h.Ack(0, 2));
        Assert.Equal(QuicError.ProtocolViolation, h.Ack((1ul << 62) - 1));
        Assert.Equal(QuicError.ProtocolViolation, new LossHarness().Ack(0, PacketSpaceId.Initial));
        Assert.Null(h.Ack(0, 1));
    }

    [Fact]
    public void An_ack_of_a_number_left_out_is_a_protocol_violation()
    {
        var h = new LossHarness(skipWith: new TestRandom(7));
        h.Loss.OnHandshakeConfirmed(h.Now);
        while (h.Loss[PacketSpaceId.Application].NextPacketNumber < 300)
            h.Send();
        ulong[] skipped = h.Loss[PacketSpaceId.Application].SkippedNumbers.ToArray();
        Assert.True(skipped.Length >= 3);
        h.Wait(10);
        foreach (ulong number in skipped)
        {
            if (number > 0)
                Assert.Null(h.Ack(number - 1));
            Assert.Null(h.Ack(number + 1));
            Assert.Equal(QuicError.ProtocolViolation, h.Ack(number));
            Assert.Equal(QuicError.ProtocolViolation, h.Ack(number, number + 1));
        }
        Assert.Equal(QuicError.ProtocolViolation, h.Ack(0, 299));
    }

    [Fact]
    public void Ranges_that_overlap_or_ascend_are_refused()
    {
        LossHarness h = new LossHarness().Established();
        for (int i = 0; i < 9; i++)
            h.Send();
        Assert.Equal(QuicError.FrameEncodingError, h.Loss.OnAckReceived(h.Now, PacketSpaceId.Application, 0, [new(5, 6), new(4, 5)]));
        Assert.Equal(QuicError.FrameEncodingError, h.Loss.OnAckReceived(h.Now, PacketSpaceId.Application, 0, [new(5, 6), new(8, 9)]));
        Assert.Equal(QuicError.FrameEncodingError, h.Loss.OnAckReceived(h.Now, PacketSpaceId.Application, 0, [new(6, 5)]));
    }

    [Fact]
    public void The_counters_of_an_ecn_ack_are_kept()
    {
        LossHarness h = new LossHarness().Established();
        h.Send();
        Assert.Null(h.Loss.OnAckReceived(h.Now, PacketSpaceId.Application, 0, [new(0, 1)], new EcnCounts(3, 0, 1)));
        Assert.Equal(new EcnCounts(3, 0, 1), h.Loss[PacketSpaceId.Application].Ecn);
    }

    [Fact]
    public void One_round_of_losses_reduces_the_window_once()
    {
        LossHarness h = new LossHarness().Established();
        for (int i = 0; i < 10; i++)
            h.Send();                                   // 1 … 10
        long before = h.Congestion.Window;
        h.Wait(100);
        Assert.Null(h.Ack(4));                          // loses 1
        Assert.Equal(before / 2, h.Congestion.Window);
        h.Wait(1);
        Assert.Null(h.Ack(8));                          // loses 2, 3, 5: sent before the reduction
        Assert.Equal([1ul, 2ul, 3ul, 5ul], h.Lost);
        Assert.Equal(before / 2, h.Congestion.Window);
        Assert.Equal(1ul, h.Congestion.CongestionEvents);
    }

    [Fact]
    public void Packets_of_the_old_path_feed_neither_rtt_nor_window_of_the_new_one()
    {
        LossHarness h = new LossHarness(isServer: true).Established(rttMs: 100);
        h.Send();                                       // 1
        h.Send();                                       // 2
        CongestionController old = h.Congestion;
        RttEstimator oldRtt = h.Loss.Rtt;
        var fresh = new NewReno();
        h.Loss.OnPathChanged(h.Now, new RttEstimator(), fresh);
        h.Send();                                       // 3
        Assert.Equal(1200, fresh.BytesInFlight);
        h.Wait(40);
        Assert.Null(h.Ack(2));
        Assert.False(h.Loss.Rtt.HasSample);
        Assert.Equal(1200, old.BytesInFlight);
        Assert.Equal(1200, fresh.BytesInFlight);
        Assert.Equal(12_000, fresh.Window);

        h.Loss.OnPathChanged(h.Now, oldRtt, old);       // validation failed: back again
        Assert.Null(h.Ack(3));
        Assert.Equal(0, fresh.BytesInFlight);
        Assert.Null(h.Ack(1));
        Assert.Equal(0, old.BytesInFlight);
    }
}
