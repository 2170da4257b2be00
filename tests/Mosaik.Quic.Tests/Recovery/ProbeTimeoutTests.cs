using Mosaik.Quic.Recovery;

namespace Mosaik.Quic.Tests.Recovery;

/// <summary>RFC 9002 §6.2 and the reset rules of spec/quic.md §13, traps 8–11.</summary>
public sealed class ProbeTimeoutTests
{
    private static void Expire(LossHarness h)
    {
        h.Wait(h.TimeoutInMs!.Value);
        h.Loss.OnTimeout(h.Now);
    }

    [Fact]
    public void Doubles_from_999_ms_and_asks_for_two_probes()
    {
        var h = new LossHarness();
        h.Send(PacketSpaceId.Initial);
        Assert.Equal(999, h.TimeoutInMs);
        Expire(h);
        Assert.Equal(1, h.Loss.ProbeTimeoutCount);
        Assert.Equal(2, h.Loss[PacketSpaceId.Initial].ProbesPending);
        Assert.Equal([0ul], h.Lost);                                    // its frames are repeated
        Assert.Equal(1200, h.Congestion.BytesInFlight);                 // the packet is not lost
        h.Send(PacketSpaceId.Initial);
        Assert.Equal(1, h.Loss[PacketSpaceId.Initial].ProbesPending);
        Assert.Equal(1998, h.TimeoutInMs);
        Expire(h);
        Assert.Equal(2 * 1998, h.TimeoutInMs!.Value + 1998);
        h.Send(PacketSpaceId.Initial);
        Assert.Equal(4 * 999, h.TimeoutInMs);
    }

    [Fact]
    public void The_application_space_adds_the_peers_delay_and_waits_for_confirmation()
    {
        var h = new LossHarness(isServer: true);
        h.Send(PacketSpaceId.Handshake);
        h.Wait(100);
        Assert.Null(h.Ack(0, PacketSpaceId.Handshake));                 // smoothed 100, deviation 50
        h.Send();
        Assert.Null(h.TimeoutInMs);                                     // not confirmed
        h.Loss.OnHandshakeConfirmed(h.Now);
        Assert.Equal(300 + 25, h.TimeoutInMs);
        h.Loss.SetPeerAckDelay(3, TimeSpan.FromMilliseconds(40));
        h.Send();
        Assert.Equal(340, h.TimeoutInMs);
        Assert.Equal(TimeSpan.FromMilliseconds(340), h.Loss.ProbeTimeout);
        Expire(h);
        h.Send();
        Assert.Equal(680, h.TimeoutInMs);
    }

    [Fact]
    public void The_timer_counts_from_the_last_ack_eliciting_packet()
    {
        LossHarness h = new LossHarness().Established(rttMs: 100);
        h.Send();
        h.Wait(50);
        h.Send();
        Assert.Equal(325, h.TimeoutInMs);
        h.Wait(50);
        h.Send(ackEliciting: false);
        Assert.Equal(275, h.TimeoutInMs);
    }

    [Fact]
    public void An_ack_resets_the_back_off()
    {
        LossHarness h = new LossHarness().Established(rttMs: 100);
        h.Send();                                                       // 1
        Expire(h);
        h.Send();                                                       // 2
        Assert.Equal(650, h.TimeoutInMs);
        h.Wait(100);
        Assert.Null(h.Ack(2));
        Assert.Equal(0, h.Loss.ProbeTimeoutCount);
    }

    [Fact]
    public void An_initial_ack_does_not_reset_a_clients_back_off()
    {
        var h = new LossHarness();
        h.Send(PacketSpaceId.Initial);
        Expire(h);
        h.Send(PacketSpaceId.Initial);
        h.Send(PacketSpaceId.Initial);
        h.Wait(100);
        Assert.Null(h.Ack(0, 1, PacketSpaceId.Initial));
        Assert.Equal(1, h.Loss.ProbeTimeoutCount);                      // the server may still be validating us
        h.Loss.HasHandshakeKeys = true;
        h.Send(PacketSpaceId.Handshake);
        h.Wait(100);
        Assert.Null(h.Ack(0, PacketSpaceId.Handshake));
        Assert.Equal(0, h.Loss.ProbeTimeoutCount);
    }

    [Fact]
    public void An_initial_ack_resets_a_servers_back_off()
    {
        var h = new LossHarness(isServer: true);
        h.Send(PacketSpaceId.Initial);
        Expire(h);
        h.Wait(1);
        Assert.Null(h.Ack(0, PacketSpaceId.Initial));
        Assert.Equal(0, h.Loss.ProbeTimeoutCount);
        Assert.Null(h.TimeoutInMs);                                     // a server does not keep probing
    }

    [Fact]
    public void A_client_with_nothing_in_flight_probes_until_its_address_is_validated()
    {
        var h = new LossHarness();
        h.Send(PacketSpaceId.Initial);
        h.Wait(100);
        Assert.Null(h.Ack(0, PacketSpaceId.Initial));
        Assert.False(h.Loss.HasAckElicitingInFlight);
        Assert.Equal(300, h.TimeoutInMs);
        Expire(h);
        Assert.Equal(1, h.Loss[PacketSpaceId.Initial].ProbesPending);   // no Handshake keys yet
        Assert.Equal(600, h.TimeoutInMs);
        h.Loss.HasHandshakeKeys = true;
        Expire(h);
        Assert.Equal(1, h.Loss[PacketSpaceId.Handshake].ProbesPending);
        h.Loss.OnHandshakeConfirmed(h.Now);
        Assert.Null(h.TimeoutInMs);
    }

    [Fact]
    public void The_timer_stops_at_the_amplification_limit_and_goes_on_when_it_is_lifted()
    {
        var h = new LossHarness(isServer: true);
        h.Send(PacketSpaceId.Initial);
        h.Loss.SetAmplificationLimited(h.Now, true);
        Assert.Null(h.TimeoutInMs);
        h.Wait(2000);
        h.Loss.OnTimeout(h.Now);
        Assert.Equal(0, h.Loss.ProbeTimeoutCount);
        h.Loss.SetAmplificationLimited(h.Now, false);
        Assert.Equal(999 - 2000, h.TimeoutInMs);                        // overdue: fires at once
        h.Loss.OnTimeout(h.Now);
        Assert.Equal(1, h.Loss.ProbeTimeoutCount);
    }

    [Fact]
    public void A_lost_handshake_flight_is_probed_in_both_spaces()
    {
        var h = new LossHarness(isServer: true);
        h.Send(PacketSpaceId.Initial);
        h.Send(PacketSpaceId.Handshake);
        Expire(h);
        Assert.Equal(2, h.Loss[PacketSpaceId.Initial].ProbesPending);
        Assert.Equal(1, h.Loss[PacketSpaceId.Handshake].ProbesPending);
        Assert.Equal([0ul, 0ul], h.Lost);
    }

    [Fact]
    public void Repeated_timeouts_repeat_the_oldest_frames_once_each()
    {
        LossHarness h = new LossHarness().Established();
        for (int i = 0; i < 5; i++)
            h.Send();                                                   // 1 … 5
        Expire(h);
        Assert.Equal([1ul, 2ul], h.Lost);
        Expire(h);
        Assert.Equal([1ul, 2ul, 3ul, 4ul], h.Lost);
        h.Wait(1);
        Assert.Null(h.Ack(1, 5));
        Assert.Equal([5ul], h.Acked);                                   // the others were handed back already
        Assert.Equal(0, h.Congestion.BytesInFlight);
    }

    [Fact]
    public void Discarding_a_space_forgets_its_packets_and_resets_the_back_off()
    {
        var h = new LossHarness();
        h.Send(PacketSpaceId.Initial);
        Expire(h);
        h.Loss.HasHandshakeKeys = true;
        h.Send(PacketSpaceId.Handshake, size: 500);
        h.Loss.DiscardSpace(h.Now, PacketSpaceId.Initial);
        Assert.Equal(500, h.Congestion.BytesInFlight);
        Assert.Equal(0, h.Loss.ProbeTimeoutCount);
        Assert.Equal(999, h.TimeoutInMs);
        Assert.True(h.Loss[PacketSpaceId.Initial].IsDiscarded);
        Assert.Equal(0, h.Loss[PacketSpaceId.Initial].ProbesPending);
        Assert.Throws<InvalidOperationException>(() => h.Send(PacketSpaceId.Initial));
    }

    [Fact]
    public void Retry_sends_everything_again_with_new_numbers_and_without_a_loss()
    {
        var h = new LossHarness();
        h.Send(PacketSpaceId.Initial);
        h.Send(PacketSpaceId.Initial);
        Expire(h);
        h.Lost.Clear();
        h.Send(PacketSpaceId.Initial);
        h.Loss.OnRetry(h.Now);
        Assert.Equal([2ul], h.Lost);
        Assert.Equal(0, h.Congestion.BytesInFlight);
        Assert.Equal(0ul, h.Congestion.CongestionEvents);
        Assert.Equal(3ul, h.Send(PacketSpaceId.Initial));
        Assert.Equal(999, h.TimeoutInMs);
    }

    [Fact]
    public void A_timeout_before_its_time_does_nothing()
    {
        LossHarness h = new LossHarness().Established();
        h.Send();
        h.Wait(324.9);
        h.Loss.OnTimeout(h.Now);
        Assert.Equal(0, h.Loss.ProbeTimeoutCount);
        Assert.Empty(h.Lost);
    }
}
