using Mosaik.Discovery.Gossip.Protocol;

namespace Mosaik.Tests.Discovery.Gossip;

/// <summary>The memory of broadcasts, against a plain list of what it has to hold.</summary>
public sealed class RecentPayloadsTests
{
    private static readonly TimeSpan PayloadAge = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan IdAge = TimeSpan.FromSeconds(90);

    [Fact]
    public void It_holds_what_a_list_in_order_of_age_holds()
    {
        var random = new SeededRandom(7);
        var recent = new RecentPayloads();
        var model = new List<(int Payload, ushort Round, TimeSpan Since, bool IsKept)>();
        TimeSpan now = TimeSpan.Zero;
        for (int step = 0; step < 20_000; step++)
        {
            now += TimeSpan.FromMilliseconds(random.NextBelow(400));
            int payload = random.NextBelow(600);
            switch (random.NextBelow(20))
            {
                case 0:
                    recent.RemoveOldest();
                    model.RemoveRange(0, Math.Min(1, model.Count));
                    break;
                case 1:
                    recent.DropOldestPayload();
                    if (model.FindIndex(static e => e.IsKept) is >= 0 and var oldest)
                        model[oldest] = model[oldest] with { IsKept = false };
                    break;
                case 2:
                    recent.RemoveOlderThan(PayloadAge, IdAge, now);
                    model.RemoveAll(e => now - e.Since >= IdAge);
                    for (int i = 0; i < model.Count; i++)
                        model[i] = model[i] with { IsKept = model[i].IsKept && now - model[i].Since < PayloadAge };
                    break;
                case 3:
                    recent.Put(IdOf(payload), now);
                    Remember(payload, 0, isKept: false);
                    break;
                default:
                    ushort round = (ushort)random.NextBelow(20);
                    recent.Put(IdOf(payload), ContentOf(payload), round, now);
                    Remember(payload, round, isKept: true);
                    break;
            }

            Assert.Equal(model.Count, recent.Count);
            Assert.Equal(model.Count(static e => e.IsKept), recent.Kept);
            Assert.Equal(model.Where(static e => e.IsKept).Sum(static e => (long)ContentOf(e.Payload).Length), recent.KeptBytes);
            int asked = random.NextBelow(600);
            int at = model.FindIndex(e => e.Payload == asked);
            Assert.Equal(at >= 0, recent.Contains(IdOf(asked)));
            bool isKept = recent.TryGet(IdOf(asked), out ReadOnlyMemory<byte> content, out ushort passedOnAt);
            Assert.Equal(at >= 0 && model[at].IsKept, isKept);
            if (isKept)
                Assert.Equal((ContentOf(asked), model[at].Round), (content.ToArray(), passedOnAt), EqualBytes);
        }

        void Remember(int payload, ushort round, bool isKept)
        {
            model.RemoveAll(e => e.Payload == payload);
            model.Add((payload, round, now, isKept));
        }
    }

    [Fact]
    public void What_is_put_in_again_and_again_takes_no_more_room()
    {
        var recent = new RecentPayloads();
        recent.Put(IdOf(0), ContentOf(0), 0, default);
        for (int i = 0; i < 10_000; i++)
            recent.Put(IdOf(1 + (i % 3)), ContentOf(i % 3), 0, TimeSpan.FromSeconds(i));
        Assert.Equal(4, recent.Count);
        Assert.InRange(recent.Capacity, 4, 16);
        recent.RemoveOlderThan(default, default, TimeSpan.FromSeconds(10_000));
        Assert.Equal((0, 0, 0L), (recent.Count, recent.Kept, recent.KeptBytes));
    }

    private static bool EqualBytes((byte[] Content, ushort Round) x, (byte[] Content, ushort Round) y) =>
        x.Round == y.Round && x.Content.AsSpan().SequenceEqual(y.Content);

    private static byte[] ContentOf(int payload) => [(byte)payload, (byte)(payload >> 8), .. new byte[payload % 5]];

    private static MessageId IdOf(int payload) => MessageId.Of(BitConverter.GetBytes(payload));
}
