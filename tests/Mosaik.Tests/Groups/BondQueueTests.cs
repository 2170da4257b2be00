using Mosaik.Groups;
using Mosaik.Groups.Bonds;
using Mosaik.Groups.Raft;

namespace Mosaik.Tests.Groups;

/// <summary>What waits to be written on a slow bond (spec/groups.md §4.9).</summary>
public sealed class BondQueueTests
{
    private const int MiB = 1024 * 1024;

    [Fact]
    public void Above_16_MiB_entries_are_skipped_and_heartbeats_are_not()
    {
        var (queue, frame) = (new BondQueue(), FrameOf(4 * MiB - SharedFrame.HeaderLength));
        for (var i = 0; i < 5; i++)
            Assert.Equal(BondQueue.Result.Queued, queue.Add(frame, FrameKind.Entries));
        Assert.Equal(BondQueue.Result.Skipped, queue.Add(frame, FrameKind.Entries));
        Assert.Equal(BondQueue.Result.Queued, queue.Add(FrameOf(100), FrameKind.Heartbeat));
        Assert.Equal(BondQueue.Result.Queued, queue.Add(FrameOf(100), FrameKind.Message));

        // Room again when it was written.
        Assert.Equal(4 * MiB, queue.Take([], 1));
        Assert.Equal(BondQueue.Result.Skipped, queue.Add(frame, FrameKind.Entries));
        Assert.Equal(4 * MiB, queue.Take([], 1));
        Assert.Equal(BondQueue.Result.Queued, queue.Add(frame, FrameKind.Entries));
    }

    [Fact]
    public void Above_64_MiB_or_65_536_messages_the_bond_is_given_up()
    {
        var (queue, frame) = (new BondQueue(), FrameOf(8 * MiB));
        for (var i = 0; i < 7; i++)
            Assert.Equal(BondQueue.Result.Queued, queue.Add(frame, FrameKind.Message));
        Assert.Equal(BondQueue.Result.Full, queue.Add(frame, FrameKind.Message));
        Assert.Equal(BondQueue.Result.Skipped, queue.Add(frame, FrameKind.Entries));

        queue = new BondQueue();
        for (var i = 0; i < BondQueue.MaxMessages; i++)
            Assert.Equal(BondQueue.Result.Queued, queue.Add(BondMessage.PingFrame, FrameKind.Message));
        Assert.Equal(BondQueue.Result.Full, queue.Add(BondMessage.PingFrame, FrameKind.Message));
    }

    [Fact]
    public void A_large_message_alone_passes() =>
        Assert.Equal(BondQueue.Result.Queued, new BondQueue().Add(FrameOf(BondMessage.MaxPayload), FrameKind.Message));

    [Fact]
    public void A_write_takes_what_fits_in_order_and_the_first_one_in_any_case()
    {
        var queue = new BondQueue();
        int[] sizes = [100, 10, 10, 80, 10];
        foreach (var size in sizes)
            queue.Add(FrameOf(size), FrameKind.Message);
        var batch = new List<SharedFrame>();
        Assert.Equal(104, queue.Take(batch, 50));
        Assert.Equal([100], batch.Select(f => f.Payload.Length));
        batch.Clear();
        Assert.Equal(28, queue.Take(batch, 50));
        Assert.Equal([10, 10], batch.Select(f => f.Payload.Length));
        batch.Clear();
        queue.Take(batch, 1000);
        Assert.Equal([80, 10], batch.Select(f => f.Payload.Length));
        Assert.True(queue.IsEmpty);
    }

    [Fact]
    public void A_closed_queue_takes_nothing()
    {
        var queue = new BondQueue();
        queue.Add(BondMessage.PingFrame, FrameKind.Message);
        queue.Close();
        Assert.True(queue.IsEmpty);
        Assert.Equal(BondQueue.Result.Closed, queue.Add(BondMessage.PingFrame, FrameKind.Message));
    }

    private static SharedFrame FrameOf(int payload)
    {
        var frame = SharedFrame.Rent(payload);
        frame.Seal(payload);
        return frame;
    }
}
