using System.Net.Sockets;
using Mosaik.Quic.Driver;

namespace Mosaik.Quic.Tests.Driver;

public sealed class SegmentedSenderTests
{
    [Fact]
    public void Sets_the_segment_size_only_when_it_changes()
    {
        var sender = new FakeSender();
        Assert.Equal(DatagramSendResult.Sent, sender.Send(new byte[3600], 1200));
        Assert.Equal(DatagramSendResult.Sent, sender.Send(new byte[3000], 1200));
        Assert.Equal(DatagramSendResult.Sent, sender.Send(new byte[2800], 1400));
        Assert.Equal(["segment 1200", "send 3600", "send 3000", "segment 1400", "send 2800"], sender.Calls);
    }

    [Fact]
    public void A_longer_single_datagram_is_not_split()
    {
        var sender = new FakeSender();
        sender.Send(new byte[2400], 1200);
        sender.Send(new byte[1200], 1200);
        sender.Send(new byte[1452], 1452);
        sender.Send(new byte[1452], 1452);
        Assert.Equal(["segment 1200", "send 2400", "send 1200", "segment 0", "send 1452", "send 1452"], sender.Calls);
    }

    [Fact]
    public void Batches_are_limited_by_segments_and_bytes()
    {
        var sender = new FakeSender();
        sender.Send(new byte[40 * 1200], 1200);
        Assert.Equal(["segment 1200", "send 38400", "send 9600"], sender.Calls);
        sender.Calls.Clear();
        sender.Send(new byte[20 * 9000], 9000);
        Assert.Equal(["segment 9000", "send 54000", "send 54000", "send 54000", "send 18000"], sender.Calls);
    }

    [Theory]
    [InlineData(SocketError.SocketError)]
    [InlineData(SocketError.InvalidArgument)]
    public void A_refused_batch_is_sent_one_by_one_and_segmentation_stays_off(SocketError error)
    {
        var sender = new FakeSender { SegmentedError = error };
        Assert.Equal(DatagramSendResult.Sent, sender.Send(new byte[3000], 1200));
        Assert.Equal(
            ["segment 1200", "send 3000", "segment 0", $"lost {error}", "send 1200", "send 1200", "send 600"],
            sender.Calls);
        Assert.Equal(1, sender.MaxSegments);
        Assert.Equal(3, sender.SegmentationFallbacks);
        sender.Calls.Clear();
        sender.Send(new byte[2400], 1200);
        Assert.Equal(["send 1200", "send 1200"], sender.Calls);
    }

    [Fact]
    public void A_system_without_the_option_sends_one_by_one()
    {
        var sender = new FakeSender { RefusesOption = true };
        Assert.Equal(DatagramSendResult.Sent, sender.Send(new byte[2400], 1200));
        Assert.Equal(["segment 1200", "lost ProtocolOption", "send 1200", "send 1200"], sender.Calls);
    }

    [Theory]
    [InlineData(SocketError.WouldBlock, DatagramSendResult.WouldBlock)]
    [InlineData(SocketError.TimedOut, DatagramSendResult.WouldBlock)]
    [InlineData(SocketError.NoBufferSpaceAvailable, DatagramSendResult.WouldBlock)]
    [InlineData(SocketError.MessageSize, DatagramSendResult.TooLarge)]
    [InlineData(SocketError.NetworkUnreachable, DatagramSendResult.Unreachable)]
    [InlineData(SocketError.AccessDenied, DatagramSendResult.Unreachable)]
    public void Errors_are_told_apart(SocketError error, DatagramSendResult expected)
    {
        var sender = new FakeSender { Error = error };
        Assert.Equal(expected, sender.Send(new byte[1200], 1200));
        Assert.Equal(expected, sender.Send(new byte[2400], 1200));
        Assert.Equal(SegmentedSender.SegmentLimit, sender.MaxSegments);
    }

    private sealed class FakeSender() : SegmentedSender(segmentation: true)
    {
        private int _segment;

        public List<string> Calls { get; } = [];

        public SocketError Error { get; init; }

        public SocketError SegmentedError { get; init; }

        public bool RefusesOption { get; init; }

        protected override SocketError SendRaw(ReadOnlySpan<byte> payload)
        {
            Calls.Add($"send {payload.Length}");
            return Error != SocketError.Success ? Error
                : _segment != 0 && payload.Length > _segment ? SegmentedError
                : SocketError.Success;
        }

        protected override bool SetSegmentSize(int size)
        {
            Calls.Add($"segment {size}");
            if (RefusesOption)
                return false;
            _segment = size;
            return true;
        }

        protected override void OnSegmentationLost(SocketError error) => Calls.Add($"lost {error}");
    }
}
