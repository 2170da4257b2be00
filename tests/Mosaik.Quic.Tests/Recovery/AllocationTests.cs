using Mosaik.Quic.Congestion;
using Mosaik.Quic.Recovery;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Recovery;

public sealed class AllocationTests
{
    private const int InFlight = 500;

    /// <summary>Sends, acknowledges and loses packets; every packet has six frames, so the list overflows its inline room.</summary>
    private sealed class Loop : ISentFrameHandler
    {
        private readonly LossDetector _loss;
        private readonly PacketSpace _space;
        private readonly AckRanges _received = new();
        private readonly Pacer _pacer = new();
        private readonly PacketNumberRange[] _ranges = new PacketNumberRange[2];
        private TimeSpan _now = TimeSpan.FromSeconds(1);
        private long _frames;

        public Loop(int framesPerPacket)
        {
            _framesPerPacket = framesPerPacket;
            _loss = new LossDetector(isServer: true, new RttEstimator(), new Cubic(), this);
            _loss.OnHandshakeConfirmed(_now);
            _space = _loss[PacketSpaceId.Application];
        }

        private readonly int _framesPerPacket;

        public long Frames => _frames;

        public void Send(int packets)
        {
            for (int i = 0; i < packets; i++)
            {
                var frames = new SentFrameList();
                for (int f = 0; f < _framesPerPacket; f++)
                    frames.Add(new SentFrame(SentFrameKind.Stream, (ulong)f, _space.NextPacketNumber, 1000, false));
                _pacer.Budget(_now, _loss.Rtt.Smoothed, _loss.Congestion.Window, 1200);
                ulong number = _loss.OnPacketSent(_now, PacketSpaceId.Application, 1200, true, true, ref frames);
                _pacer.OnSent(1200);
                _received.TryAdd(number);
                _now += TimeSpan.FromMicroseconds(10);
            }
        }

        /// <summary>Acknowledges the newest packets but one in a hundred, which is lost.</summary>
        public bool Acknowledge()
        {
            ulong largest = _space.NextPacketNumber - 1;
            ulong first = _space.Sent.First;
            _now += TimeSpan.FromMilliseconds(5);
            if (largest - first > 20)
            {
                _ranges[0] = new(first + 11, largest);
                _ranges[1] = new(first, first + 9);
            }
            else
            {
                _ranges[0] = new(first, largest);
                _ranges[1] = default;
            }
            bool two = largest - first > 20;
            QuicError? error = _loss.OnAckReceived(_now, PacketSpaceId.Application, 0, _ranges.AsSpan(0, two ? 2 : 1));
            _received.ForgetThrough(largest);
            return error is null;
        }

        public void OnFramesAcknowledged(PacketSpaceId space, ReadOnlySpan<SentFrame> frames) => _frames += frames.Length;

        public void OnFramesLost(PacketSpaceId space, ReadOnlySpan<SentFrame> frames) => _frames += frames.Length;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(6)]
    [InlineData(17)]
    public void A_packet_sent_and_acknowledged_allocates_nothing(int framesPerPacket)
    {
        var loop = new Loop(framesPerPacket);
        bool ok = true;
        for (int round = 0; round < 50; round++)
        {
            loop.Send(InFlight);
            ok &= loop.Acknowledge();
        }
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int round = 0; round < 50; round++)
        {
            loop.Send(InFlight);
            ok &= loop.Acknowledge();
        }
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(ok);
        Assert.Equal(0, allocated);
    }

    [Fact]
    public void A_million_packets_pass()
    {
        var loop = new Loop(2);
        bool ok = true;
        for (int round = 0; round < 1_000_000 / InFlight; round++)
        {
            loop.Send(InFlight);
            ok &= loop.Acknowledge();
        }
        Assert.True(ok);
        Assert.Equal(2_000_000, loop.Frames);
    }
}
