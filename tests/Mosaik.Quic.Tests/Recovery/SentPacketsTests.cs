using Mosaik.Quic.Recovery;

namespace Mosaik.Quic.Tests.Recovery;

public sealed class SentPacketsTests
{
    private static void Add(SentPackets sent, ulong number, bool ackEliciting = true)
    {
        var frames = new SentFrameList();
        frames.Add(new SentFrame(SentFrameKind.Stream, number));
        sent.Add(number, TimeSpan.FromMilliseconds(number), 1000, ackEliciting, ackEliciting, 0, ref frames);
        Assert.Equal(0, frames.Count);
    }

    [Fact]
    public void Grows_and_keeps_every_record()
    {
        var sent = new SentPackets();
        for (ulong n = 5; n < 1005; n++)
            Add(sent, n);
        Assert.Equal(1000, sent.Count);
        Assert.Equal(5ul, sent.First);
        for (ulong n = 5; n < 1005; n++)
        {
            Assert.Equal(n, sent[n].Frames[0].Id);
            Assert.Equal(TimeSpan.FromMilliseconds(n), sent[n].TimeSent);
        }
    }

    [Fact]
    public void Settling_out_of_order_leaves_tombstones_until_the_oldest_is_settled()
    {
        var sent = new SentPackets();
        for (ulong n = 0; n < 6; n++)
            Add(sent, n);
        sent.Settle(2, SentPacketState.Acknowledged);
        sent.Settle(1, SentPacketState.Acknowledged);
        Assert.Equal(0ul, sent.First);
        Assert.False(sent.IsOutstanding(2));
        sent.Settle(0, SentPacketState.Lost);
        Assert.Equal(3ul, sent.First);
        Assert.True(sent.PassedAcknowledged);
        sent.Settle(3, SentPacketState.Lost);
        Assert.False(sent.PassedAcknowledged);
        Assert.Equal(2, sent.Count);
        Assert.Throws<ArgumentOutOfRangeException>(() => sent.Settle(3, SentPacketState.Lost));
        sent.Settle(5, SentPacketState.Acknowledged);
        Assert.Throws<InvalidOperationException>(() => sent.Settle(5, SentPacketState.Lost));
        Assert.Throws<ArgumentOutOfRangeException>(() => Add(sent, 4));
    }

    [Fact]
    public void Numbers_left_out_are_not_outstanding()
    {
        var sent = new SentPackets();
        Add(sent, 1);
        Add(sent, 4);
        Assert.False(sent.IsOutstanding(0));
        Assert.False(sent.IsOutstanding(2));
        Assert.False(sent.IsOutstanding(3));
        Assert.False(sent.IsOutstanding(5));
        sent.Settle(1, SentPacketState.Acknowledged);
        Assert.Equal(4ul, sent.First);
        Assert.False(sent.PassedAcknowledged);
        sent.Settle(4, SentPacketState.Acknowledged);
        Assert.Equal(0, sent.Count);
        Add(sent, 1_000_000);
        Assert.Equal(1_000_000ul, sent.First);
    }

    [Fact]
    public void Records_nobody_answers_do_not_pile_up()
    {
        var sent = new SentPackets();
        for (ulong n = 0; n < 10_000; n++)
            Add(sent, n, ackEliciting: false);
        Assert.Equal(8, sent.Count); // the ring has not grown
        Assert.Equal(9_999ul, sent.End - 1);
        Add(sent, 10_000);
        for (ulong n = 10_001; n < 10_100; n++)
            Add(sent, n, ackEliciting: false);
        Assert.True(sent.IsOutstanding(10_000));
        Assert.Equal(1, sent.AckElicitingCount);
    }
}
