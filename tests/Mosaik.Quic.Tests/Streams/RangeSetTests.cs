using Mosaik.Quic.Streams;
using Mosaik.Quic.Tests.Wire;

namespace Mosaik.Quic.Tests.Streams;

public sealed class RangeSetTests
{
    [Fact]
    public void Agrees_with_a_set_of_numbers()
    {
        for (ulong seed = 0; seed < 500; seed++)
        {
            var random = new SeededRandom(seed);
            var ranges = new RangeSet();
            var model = new bool[200];
            for (int step = 0; step < 100; step++)
            {
                int start = random.Below(190);
                int end = start + random.Below(Math.Min(200 - start, 30));
                bool add = random.Chance(0.6);
                if (random.Chance(0.1) && ranges.Count > 0)
                {
                    (start, end, add) = ((int)ranges[0].Start, (int)ranges[0].End, false);
                    ranges.RemoveFirst();
                }
                else if (add)
                {
                    ranges.Add((ulong)start, (ulong)end);
                }
                else
                {
                    ranges.Remove((ulong)start, (ulong)end);
                }
                Array.Fill(model, add, start, end - start);
                AssertSame(model, ranges);
            }
        }
    }

    private static void AssertSame(bool[] model, RangeSet ranges)
    {
        var actual = new bool[model.Length];
        for (int i = 0; i < ranges.Count; i++)
        {
            Assert.True(ranges[i].Start < ranges[i].End);
            Assert.True(i == 0 || ranges[i - 1].End < ranges[i].Start, "ranges touch");
            Array.Fill(actual, true, (int)ranges[i].Start, (int)ranges[i].Length);
        }
        Assert.Equal(model, actual);
    }
}
