using Mosaik.Quic.Streams;
using Mosaik.Quic.Tests.Wire;

namespace Mosaik.Quic.Tests.Streams;

public sealed class ReassemblerTests
{
    [Fact]
    public void Any_order_with_duplicates_and_overlaps_reads_as_written()
    {
        for (ulong seed = 0; seed < 200; seed++)
        {
            var random = new SeededRandom(seed);
            int total = 1 + random.Below(seed % 10 == 0 ? 300_000 : 2000);
            byte[] source = random.Bytes(total);
            int largest = 1 + random.Below(seed % 10 == 0 ? 40_000 : 200);
            var reassembler = new Reassembler(new BlockPool());
            var present = new bool[total];
            var read = new List<byte>();
            byte[] buffer = new byte[70_000];
            while (read.Count < total)
            {
                int missing = Array.IndexOf(present, false);
                int at = random.Chance(0.3) && missing >= 0 ? missing : random.Below(total);
                int length = Math.Min(1 + random.Below(largest), total - at);
                Assert.True(reassembler.TryInsert((ulong)at, source.AsSpan(at, length)));
                Array.Fill(present, true, at, length);
                int ready = Array.IndexOf(present, false) is >= 0 and var gap ? gap : total;
                Assert.Equal((ulong)ready, reassembler.ReadyEnd);
                if (seed % 10 != 0)
                    Assert.Equal(CountRanges(present, ready), reassembler.Ranges);
                if (random.Chance(0.3))
                {
                    int count = reassembler.Read(buffer.AsSpan(0, random.Below(buffer.Length)));
                    read.AddRange(buffer.AsSpan(0, count));
                }
                Assert.True(reassembler.MemoryHeld <= (2 * (reassembler.Readable + reassembler.BytesBeyondGap))
                    + (2 * ByteQueue.LargestBlock) + (16 * 1024));
            }
            Assert.Equal(source, read);
            Assert.Equal((0, 0, 0), (reassembler.Ranges, reassembler.BytesBeyondGap, reassembler.MemoryHeld));
        }
    }

    [Fact]
    public void A_duplicate_with_other_bytes_changes_nothing()
    {
        var reassembler = new Reassembler(new BlockPool());
        Assert.True(reassembler.TryInsert(2, "cd"u8));
        Assert.True(reassembler.TryInsert(2, "XXXX"u8));
        Assert.True(reassembler.TryInsert(0, "abYYYYYY"u8));
        byte[] read = new byte[10];
        Assert.Equal(8, reassembler.Read(read));
        Assert.Equal("abcdXXYY"u8, read.AsSpan(0, 8));
        Assert.True(reassembler.TryInsert(0, "zzzzzzzz"u8));
        Assert.Equal(0, reassembler.Readable);
    }

    [Fact]
    public void Takes_1024_disjoint_ranges_and_refuses_the_next()
    {
        var reassembler = new Reassembler(new BlockPool());
        for (int i = 0; i < Reassembler.MaxRanges; i++)
            Assert.True(reassembler.TryInsert((ulong)(2 * i) + 1, [1]));
        Assert.Equal(Reassembler.MaxRanges, reassembler.Ranges);
        Assert.True(reassembler.MemoryHeld <= (16 * Reassembler.MaxRanges) + (16 * 1024));
        Assert.True(reassembler.TryInsert(3, [1]));   // a duplicate is no range
        Assert.False(reassembler.TryInsert(5000, [1]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Contiguous_data_in_single_bytes_is_one_range_in_either_direction(bool backwards)
    {
        const int Total = 200_000;
        byte[] source = new SeededRandom(1).Bytes(Total);
        var reassembler = new Reassembler(new BlockPool());
        for (int i = 1; i < Total; i++)
        {
            int at = backwards ? Total - i : i;
            Assert.True(reassembler.TryInsert((ulong)at, source.AsSpan(at, 1)));
            Assert.Equal(1, reassembler.Ranges);
            Assert.True(reassembler.MemoryHeld <= (2 * reassembler.BytesBeyondGap) + (16 * 1024) + (16 * 600));
        }
        Assert.True(reassembler.TryInsert(0, source.AsSpan(0, 1)));
        byte[] read = new byte[Total];
        Assert.Equal(Total, reassembler.Read(read));
        Assert.Equal(source, read);
    }

    [Fact]
    public void Alternating_bytes_then_the_gaps_between_them()
    {
        const int Total = 2000;
        byte[] source = new SeededRandom(2).Bytes(Total);
        var reassembler = new Reassembler(new BlockPool());
        for (int i = 1; i < Total; i += 2)
            Assert.True(reassembler.TryInsert((ulong)i, source.AsSpan(i, 1)));
        Assert.Equal(Total / 2, reassembler.Ranges);
        for (int i = Total - 2; i >= 0; i -= 2)
        {
            Assert.True(reassembler.TryInsert((ulong)i, source.AsSpan(i, 1)));
            Assert.Equal(i == 0 ? 0 : Math.Max(1, i / 2), reassembler.Ranges);
        }
        byte[] read = new byte[Total];
        Assert.Equal(Total, reassembler.Read(read));
        Assert.Equal(source, read);
    }

    [Fact]
    public void Offsets_near_2_to_the_62_work()
    {
        var reassembler = new Reassembler(new BlockPool());
        Assert.True(reassembler.TryInsert((1UL << 62) - 11, new byte[10]));
        Assert.Equal(1, reassembler.Ranges);
        reassembler.Clear();
        Assert.Equal((0, 0), (reassembler.Ranges, reassembler.MemoryHeld));
    }

    private static int CountRanges(bool[] present, int from)
    {
        int count = 0;
        for (int i = from; i < present.Length; i++)
        {
            if (present[i] && (i == from || !present[i - 1]))
                count++;
        }
        return count;
    }
}
