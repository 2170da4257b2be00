using CsCheck;
using Mosaik.Quic.Recovery;

namespace Mosaik.Quic.Tests.Recovery;

public sealed class PacketSpaceTests
{
    [Fact]
    public void Leaves_out_exactly_one_number_in_each_interval()
    {
        Gen.ULong.Sample(seed =>
        {
            var space = new PacketSpace(PacketSpaceId.Application, new TestRandom(seed));
            var used = new HashSet<ulong>();
            while (space.NextPacketNumber < 4096)
                used.Add(space.TakePacketNumber(ackEliciting: true));

            int intervals = 0;
            for (ulong start = 0, end = 64; end <= 4096; start = end, end *= 2, intervals++)
            {
                var left = new List<ulong>();
                for (ulong n = start; n < end; n++)
                {
                    if (!used.Contains(n))
                        left.Add(n);
                }
                Assert.Single(left);
                Assert.Equal(left[0], space.SkippedNumbers[intervals]);
                Assert.True(space.CoversUnsent(left[0], left[0]));
                Assert.True(space.CoversUnsent(start, end - 1));
            }
            Assert.Equal(7, intervals);
            Assert.False(space.CoversUnsent(used.First(), used.First()));
        }, iter: 200);
    }

    [Fact]
    public void Number_zero_may_be_the_one_left_out()
    {
        bool zero = false, other = false;
        for (ulong seed = 0; seed < 1000 && !(zero && other); seed++)
        {
            ulong first = new PacketSpace(PacketSpaceId.Application, new TestRandom(seed)).NextPacketNumber;
            zero |= first == 1;
            other |= first == 0;
        }
        Assert.True(zero && other);
    }

    [Fact]
    public void Neighbouring_numbers_of_two_intervals_may_both_be_left_out()
    {
        var space = new PacketSpace(PacketSpaceId.Application, new EdgeRandom());
        ulong last = 0;
        while (space.NextPacketNumber < 70)
            last = Math.Max(last, space.TakePacketNumber(true) == 62 ? space.NextPacketNumber : 0);
        Assert.Equal(65ul, last);
    }

    [Fact]
    public void Without_the_rule_numbers_have_no_gaps()
    {
        var space = new PacketSpace(PacketSpaceId.Initial);
        for (ulong n = 0; n < 1000; n++)
            Assert.Equal(n, space.TakePacketNumber(true));
        Assert.False(space.CoversUnsent(0, 999));
        Assert.True(space.CoversUnsent(1000, 1000));
    }

    [Fact]
    public void The_next_number_stays_until_it_is_taken()
    {
        var space = new PacketSpace(PacketSpaceId.Application, new TestRandom(1));
        ulong next = space.NextPacketNumber;
        Assert.Equal(next, space.NextPacketNumber);
        Assert.Equal(next, space.TakePacketNumber(true));
        Assert.True(space.NextPacketNumber > next);
    }

    [Fact]
    public void After_32_packets_without_an_answer_a_ping_is_wanted()
    {
        var space = new PacketSpace(PacketSpaceId.Application);
        for (int i = 0; i < PacketSpace.AckOnlyPacketsBeforePing; i++)
        {
            Assert.False(space.ShouldElicitAck);
            space.TakePacketNumber(ackEliciting: false);
        }
        Assert.True(space.ShouldElicitAck);
        space.TakePacketNumber(ackEliciting: true);
        Assert.False(space.ShouldElicitAck);
    }

    /// <summary>The last place of the first interval, then the first of the second.</summary>
    private sealed class EdgeRandom : RandomSource
    {
        private int _calls;

        public override void Fill(Span<byte> destination) => destination.Fill(_calls++ == 0 ? (byte)0x3f : (byte)0);
    }
}
