using Mosaik.Quic.Recovery;

namespace Mosaik.Quic.Tests.Recovery;

/// <summary>
/// RFC 9002 §7.6. After two samples of 100 ms the duration is 3 × (100 + 4·37.5 + 25) = 825 ms.
/// </summary>
public sealed class PersistentCongestionTests
{
    [Theory]
    [InlineData(824, false)]
    [InlineData(825, false)]
    [InlineData(826, true)]
    public void The_window_collapses_when_losses_span_more_than_three_probe_timeouts(double spanMs, bool collapsed)
    {
        LossHarness h = new LossHarness().Established(rttMs: 100);
        h.Send();                                       // 1
        h.Wait(spanMs);
        h.Send();                                       // 2
        h.Wait(200);
        h.Send();                                       // 3
        h.Wait(100);
        Assert.Null(h.Ack(3));
        Assert.Equal([1ul, 2ul], h.Lost);
        Assert.Equal(collapsed ? 2400 : 6000, h.Congestion.Window);
    }

    [Fact]
    public void An_acknowledged_packet_between_the_losses_ends_the_run()
    {
        LossHarness h = new LossHarness().Established(rttMs: 100);
        h.Send();                                       // 1
        h.Wait(900);
        h.Send();                                       // 2
        h.Wait(900);
        h.Send();                                       // 3
        h.Wait(200);
        h.Send();                                       // 4
        h.Wait(100);
        Assert.Null(h.Loss.OnAckReceived(h.Now, PacketSpaceId.Application, 0, [new(4, 4), new(2, 2)]));
        Assert.Equal([1ul, 3ul], h.Lost);
        Assert.Equal(6000, h.Congestion.Window);
    }

    [Fact]
    public void Numbers_left_out_do_not_end_the_run()
    {
        var h = new LossHarness(skipWith: new AlwaysTwo());
        h.Established(rttMs: 100);
        Assert.Equal(1ul, h.Send());
        h.Wait(1000);
        Assert.Equal(3ul, h.Send());
        h.Wait(200);
        h.Send();
        h.Wait(100);
        Assert.Null(h.Ack(4));
        Assert.Equal(2400, h.Congestion.Window);
    }

    [Fact]
    public void Losses_found_at_different_times_count_together()
    {
        LossHarness h = new LossHarness().Established(rttMs: 100);
        h.Send();                                       // 1
        h.Wait(1000);
        h.Send();                                       // 2
        h.Wait(10);
        h.Send();                                       // 3
        h.Wait(100);
        Assert.Null(h.Ack(3));                          // 1 is lost; 2 within 9/8 of a round trip
        Assert.Equal([1ul], h.Lost);
        Assert.Equal(6000, h.Congestion.Window);
        h.Wait(h.TimeoutInMs!.Value);
        h.Loss.OnTimeout(h.Now);
        Assert.Equal([1ul, 2ul], h.Lost);
        Assert.Equal(2400, h.Congestion.Window);
    }

    [Fact]
    public void Packets_sent_before_the_first_sample_do_not_count()
    {
        var h = new LossHarness(isServer: true);
        h.Loss.OnHandshakeConfirmed(h.Now);
        h.Send();                                       // 0
        h.Wait(3000);
        h.Send();                                       // 1
        h.Wait(200);
        h.Send();                                       // 2
        h.Wait(100);
        Assert.Null(h.Ack(2));
        Assert.Equal([0ul, 1ul], h.Lost);
        Assert.Equal(6000, h.Congestion.Window);
    }

    [Fact]
    public void An_acknowledgement_in_another_space_ends_the_run()
    {
        var h = new LossHarness(isServer: true);
        h.Send(PacketSpaceId.Handshake);                // 0
        h.Wait(100);
        Assert.Null(h.Ack(0, PacketSpaceId.Handshake));
        h.Wait(1);
        h.Send(PacketSpaceId.Handshake);                // 1
        h.Wait(200);
        h.Send(PacketSpaceId.Handshake);                // 2
        h.Wait(100);
        Assert.Null(h.Ack(2, PacketSpaceId.Handshake)); // 1 is lost and begins a run
        h.Send();                                       // application 0
        h.Wait(100);
        Assert.Null(h.Ack(0));
        h.Wait(800);
        h.Send(PacketSpaceId.Handshake);                // 3
        h.Wait(200);
        h.Send(PacketSpaceId.Handshake);                // 4
        h.Wait(100);
        long before = h.Congestion.Window;
        Assert.Null(h.Ack(4, PacketSpaceId.Handshake));
        Assert.Equal([1ul, 3ul], h.Lost);
        Assert.True(h.Congestion.Window > 2400 && h.Congestion.Window >= before / 2);
    }

    [Fact]
    public void The_minimum_round_trip_starts_again()
    {
        LossHarness h = new LossHarness().Established(rttMs: 100);
        h.Send();
        h.Wait(2000);
        h.Send();
        h.Wait(500);
        h.Send();
        h.Wait(300);
        Assert.Null(h.Ack(3));
        Assert.Equal(2400, h.Congestion.Window);
        Assert.Equal(TimeSpan.FromMilliseconds(300), h.Loss.Rtt.Min);
    }

    private sealed class AlwaysTwo : RandomSource
    {
        public override void Fill(Span<byte> destination)
        {
            destination.Clear();
            destination[0] = 2;
        }
    }
}
