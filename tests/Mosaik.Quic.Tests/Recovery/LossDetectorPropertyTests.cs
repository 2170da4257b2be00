using CsCheck;
using Mosaik.Quic.Congestion;
using Mosaik.Quic.Recovery;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Recovery;

/// <summary>Random sequences of sends, acknowledgements, losses and timeouts against a plain model.</summary>
public sealed class LossDetectorPropertyTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Every_packet_is_settled_once_and_bytes_in_flight_are_those_outstanding(bool cubic)
    {
        Gen.Select(Gen.Int[0, 99], Gen.Int[1, 2000]).Array[1, 300].Sample(
            script => new Run(cubic).Play(script), iter: 150, threads: 1);
    }

    private sealed class Run(bool cubic) : ISentFrameHandler
    {
        private readonly Dictionary<ulong, int> _outstanding = [];
        private readonly HashSet<ulong> _reported = [];
        private readonly CongestionController _congestion = cubic ? new Cubic() : new NewReno();
        private TimeSpan _now = TimeSpan.FromSeconds(1);
        private bool _once = true;

        public bool Play((int Action, int Value)[] script)
        {
            var loss = new LossDetector(isServer: true, new RttEstimator(), _congestion, this, new TestRandom(42));
            loss.OnHandshakeConfirmed(_now);
            PacketSpace space = loss[PacketSpaceId.Application];
            var random = new TestRandom((ulong)script.Length);
            foreach ((int action, int value) in script)
            {
                switch (action)
                {
                    case < 60:
                        bool eliciting = value % 7 != 0;
                        ulong number = space.NextPacketNumber;
                        var frames = new SentFrameList();
                        for (int i = 0; i <= value % 6; i++)
                            frames.Add(new SentFrame(SentFrameKind.Stream, number));
                        Assert.Equal(number, loss.OnPacketSent(_now, PacketSpaceId.Application, value, eliciting, eliciting, ref frames));
                        if (eliciting)
                            _outstanding.Add(number, value);
                        break;
                    case < 80:
                        Acknowledge(loss, space, random, value);
                        break;
                    case < 90:
                        _now += TimeSpan.FromMilliseconds(value / 4.0);
                        break;
                    default:
                        if (loss.NextTimeout is { } timeout)
                        {
                            _now = timeout > _now ? timeout : _now;
                            loss.OnTimeout(_now);
                        }
                        break;
                }
                Forget(space);
                if (!_once || _congestion.BytesInFlight != _outstanding.Values.Sum() || _congestion.Window < _congestion.MinimumWindow
                    || space.Sent.AckElicitingCount != _outstanding.Count)
                {
                    return false;
                }
            }
            // The end: acknowledge all that may be acknowledged, one range between two skipped numbers each.
            _now += TimeSpan.FromMilliseconds(10);
            foreach (ulong number in _outstanding.Keys.ToArray())
                Assert.Null(loss.OnAckReceived(_now, PacketSpaceId.Application, 0, [new PacketNumberRange(number, number)]));
            return _congestion.BytesInFlight == 0 && space.Sent.AckElicitingCount == 0;
        }

        public void OnFramesAcknowledged(PacketSpaceId space, ReadOnlySpan<SentFrame> frames) => Report(frames);

        public void OnFramesLost(PacketSpaceId space, ReadOnlySpan<SentFrame> frames) => Report(frames);

        private void Report(ReadOnlySpan<SentFrame> frames)
        {
            if (frames.IsEmpty)
                return;
            ulong number = frames[0].Id;
            foreach (SentFrame frame in frames)
                _once &= frame.Id == number;
            _once &= _reported.Add(number);
        }

        /// <summary>What the detector has settled leaves the model; only the detector knows which packets it holds lost.</summary>
        private void Forget(PacketSpace space)
        {
            foreach (ulong number in _outstanding.Keys.ToArray())
            {
                if (!space.Sent.IsOutstanding(number))
                {
                    _once &= _reported.Contains(number);
                    _outstanding.Remove(number);
                }
            }
        }

        private void Acknowledge(LossDetector loss, PacketSpace space, TestRandom random, int value)
        {
            if (space.NextPacketNumber == 0)
                return;
            var skipped = space.SkippedNumbers.ToArray().ToHashSet();
            ulong at = space.NextPacketNumber - 1 - Math.Min((ulong)(value % 10), space.NextPacketNumber - 1);
            var ranges = new List<PacketNumberRange>();
            for (int i = 0; i < 3; i++)
            {
                ulong length = random.NextBelow(6ul);
                ulong smallest = at;
                if (skipped.Contains(at))
                    break;
                while (length-- > 0 && smallest > 0 && !skipped.Contains(smallest - 1))
                    smallest--;
                ranges.Add(new PacketNumberRange(smallest, at));
                if (smallest < 3)
                    break;
                at = smallest - 2;
            }
            if (ranges.Count > 0)
                Assert.Null(loss.OnAckReceived(_now, PacketSpaceId.Application, (ulong)value, ranges.ToArray()));
        }
    }
}
