using CsCheck;
using Mosaik.Quic.Recovery;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Recovery;

public sealed class AckRangesTests
{
    [Fact]
    public void Joins_neighbours_and_lists_the_newest_range_first()
    {
        var ranges = new AckRanges();
        foreach (ulong n in new ulong[] { 0, 1, 5, 3, 10, 4, 9 })
            Assert.True(ranges.TryAdd(n));

        Assert.Equal([new(9, 10), new(3, 5), new(0, 1)], ranges.NewestFirst.ToArray());
        Assert.Equal(10ul, ranges.Largest);
        Assert.True(ranges.TryAdd(2));
        Assert.Equal([new(9, 10), new(0, 5)], ranges.NewestFirst.ToArray());
    }

    [Fact]
    public void Starts_with_nothing_received_even_when_number_zero_never_comes()
    {
        var ranges = new AckRanges();
        Assert.Null(ranges.Largest);
        Assert.Equal(0, ranges.Count);
        Assert.True(ranges.TryAdd(7));
        Assert.Equal([new(7, 7)], ranges.NewestFirst.ToArray());
    }

    [Fact]
    public void Keeps_sixty_four_ranges_and_gives_up_the_oldest()
    {
        var ranges = new AckRanges();
        for (ulong n = 0; n < 65; n++)
            Assert.True(ranges.TryAdd(n * 2));

        Assert.Equal(64, ranges.Count);
        Assert.Equal(new PacketNumberRange(128, 128), ranges.NewestFirst[0]);
        Assert.Equal(new PacketNumberRange(2, 2), ranges.NewestFirst[63]);
        Assert.True(ranges.IsDuplicate(0));
        // Older than every range kept: received, but not remembered.
        var full = new AckRanges();
        for (ulong n = 1; n <= 64; n++)
            full.TryAdd(n * 2);
        Assert.True(full.TryAdd(0));
        Assert.Equal(new PacketNumberRange(2, 2), full.NewestFirst[63]);
    }

    [Fact]
    public void Inserts_in_the_middle_of_a_full_list()
    {
        var ranges = new AckRanges();
        for (ulong n = 0; n < 64; n++)
            ranges.TryAdd(n * 4);
        Assert.True(ranges.TryAdd(126));

        Assert.Equal(64, ranges.Count);
        Assert.Equal(new PacketNumberRange(4, 4), ranges.NewestFirst[63]);
        Assert.Contains(new PacketNumberRange(126, 126), ranges.NewestFirst.ToArray());
    }

    [Fact]
    public void Tells_duplicates_among_at_least_the_last_128_numbers()
    {
        var ranges = new AckRanges();
        ranges.TryAdd(5000);
        Assert.False(ranges.TryAdd(5000));
        for (ulong n = 5000 - 128; n < 5000; n++)
        {
            Assert.True(ranges.TryAdd(n));
            Assert.False(ranges.TryAdd(n));
        }
        Assert.True(ranges.IsDuplicate(5000 - DuplicateWindow.Size));   // too old to tell
        Assert.False(ranges.IsDuplicate(5000 - DuplicateWindow.Size + 1));
        Assert.False(ranges.IsDuplicate(5001));
    }

    [Fact]
    public void Forgotten_numbers_stay_duplicates()
    {
        var ranges = new AckRanges();
        for (ulong n = 0; n <= 10; n++)
            ranges.TryAdd(n);
        ranges.TryAdd(20);
        ranges.ForgetThrough(7);

        Assert.Equal([new(20, 20), new(8, 10)], ranges.NewestFirst.ToArray());
        Assert.False(ranges.TryAdd(5));
        ranges.ForgetThrough(20);
        Assert.Equal(0, ranges.Count);
        Assert.Equal(20ul, ranges.Largest);
        Assert.True(ranges.TryAdd(15));
        Assert.Equal([new(15, 15)], ranges.NewestFirst.ToArray());
    }

    /// <summary>Against a set: numbers 0…200 in random order with duplicates and confirmations; fewer than 64 ranges.</summary>
    [Fact]
    public void Agrees_with_a_set()
    {
        Gen.Select(Gen.ULong[0, 120], Gen.Int[0, 9]).Array[0, 300].Sample(script =>
        {
            var ranges = new AckRanges();
            var model = new SortedSet<ulong>();
            var seen = new HashSet<ulong>();
            foreach ((ulong number, int action) in script)
            {
                if (action == 0)
                {
                    ranges.ForgetThrough(number);
                    model.RemoveWhere(n => n <= number);
                }
                else
                {
                    bool added = ranges.TryAdd(number);
                    if (added != seen.Add(number))
                        return false;
                    if (added)
                        model.Add(number);
                }
                if (!Expand(ranges).SequenceEqual(model.Reverse()))
                    return false;
            }
            return true;
        }, iter: 500);
    }

    private static List<ulong> Expand(AckRanges ranges)
    {
        var numbers = new List<ulong>();
        ulong? below = null;
        foreach (PacketNumberRange range in ranges.NewestFirst)
        {
            Assert.True(range.Smallest <= range.Largest && (below is null || range.Largest + 1 < below));
            below = range.Smallest;
            for (ulong n = range.Largest; ; n--)
            {
                numbers.Add(n);
                if (n == range.Smallest)
                    break;
            }
        }
        return numbers;
    }

    /// <summary>Against a set: jumps beyond the window clear exactly what they leave behind.</summary>
    [Fact]
    public void Window_agrees_with_a_set_over_large_jumps()
    {
        Gen.ULong[0, 1500].Array[1, 200].Sample(steps =>
        {
            var window = new DuplicateWindow();
            var received = new HashSet<ulong>();
            ulong largest = 0;
            bool any = false;
            foreach (ulong step in steps)
            {
                // Every third number lies behind the largest one.
                ulong number = step % 3 == 0 ? (largest > step ? largest - step : 0) : largest + step;
                bool tooOld = any && largest >= number && largest - number >= DuplicateWindow.Size;
                bool expected = !tooOld && !received.Contains(number);
                if (window.TryAdd(number) != expected)
                    return false;
                if (expected)
                    received.Add(number);
                largest = Math.Max(largest, number);
                any = true;
            }
            return true;
        }, iter: 500);
    }
}
