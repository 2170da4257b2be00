using Mosaik.Quic.Recovery;

namespace Mosaik.Quic.Tests.Recovery;

public sealed class SentFrameListTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(300)]
    public void Keeps_frames_in_the_order_of_writing(int count)
    {
        var list = new SentFrameList();
        for (int i = 0; i < count; i++)
            list.Add(new SentFrame(SentFrameKind.Stream, (ulong)i, (ulong)i * 10, i, i % 2 == 0));

        Assert.Equal(count, list.Count);
        for (int i = 0; i < count; i++)
            Assert.Equal(new SentFrame(SentFrameKind.Stream, (ulong)i, (ulong)i * 10, i, i % 2 == 0), list.AsSpan()[i]);
        list.Release();
        Assert.Equal(0, list.Count);
        list.Add(new SentFrame(SentFrameKind.Ping));
        Assert.Equal(SentFrameKind.Ping, list[0].Kind);
        list.Release();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(40)]
    public void Moves_and_both_lists_are_independent_afterwards(int count)
    {
        var from = new SentFrameList();
        for (int i = 0; i < count; i++)
            from.Add(new SentFrame(SentFrameKind.Stream, (ulong)i));
        var to = new SentFrameList();
        from.MoveTo(ref to);
        Assert.Equal(0, from.Count);
        from.Add(new SentFrame(SentFrameKind.Ping));

        Assert.Equal(count, to.Count);
        for (int i = 0; i < count; i++)
            Assert.Equal(new SentFrame(SentFrameKind.Stream, (ulong)i), to[i]);
        Assert.Equal(SentFrameKind.Ping, from[0].Kind);
        from.Release();
        to.Release();
    }

    [Fact]
    public void Takes_back_frames_that_did_not_fit()
    {
        var list = new SentFrameList();
        for (ulong i = 0; i < 6; i++)
            list.Add(new SentFrame(SentFrameKind.Stream, i));
        list.Truncate(2);
        list.Add(new SentFrame(SentFrameKind.MaxData, 0, 99));

        Assert.Equal(3, list.Count);
        Assert.Equal(1ul, list[1].Id);
        Assert.Equal(SentFrameKind.MaxData, list[2].Kind);
        Assert.Throws<ArgumentOutOfRangeException>(() => { var copy = new SentFrameList(); copy.Truncate(1); });
        list.Release();
    }
}
