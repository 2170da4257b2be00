using Mosaik.Streams;

namespace Mosaik.Tests.Streams;

/// <summary>A sender who writes in the place of a sleeping writer: one writes at a time, and no datum is forgotten.</summary>
public sealed class FanOutLendingTests
{
    private static readonly DatumFramePool Frames = new();
    private static readonly TimeSpan Later = TimeSpan.FromMilliseconds(1);

    private readonly FanOutCore _core = new(8, long.MaxValue / 4, LagPolicy.Disconnect, Timeout.InfiniteTimeSpan);
    private readonly Owner _owner = new();
    private readonly DatumFrame[] _batch = new DatumFrame[64];
    private readonly Backlog _backlog;

    public FanOutLendingTests()
    {
        _backlog = _core.Add(_owner);
        Assert.Equal(0, Take());
    }

    [Fact]
    public void After_a_lull_the_sender_takes_its_datum_and_returns_the_place()
    {
        Publish();
        Assert.Equal(1, _owner.Calls);
        Assert.Equal(1, Lend(Later));
        Assert.Equal(1, _backlog.Count); // not accepted by the transport yet
        _core.HandedOver(_backlog, Later);
        Assert.True(FanOutCore.TryReturn(_backlog));
        Publish();
        Assert.Equal(2, _owner.Calls); // the place is free again, so somebody is called
    }

    [Fact]
    public void While_a_sender_writes_nobody_else_does_and_what_comes_meanwhile_is_left_to_the_writer()
    {
        Publish();
        Assert.Equal(1, Lend(Later));
        Publish();
        Assert.Equal(1, _owner.Calls);
        Assert.Equal(FanOutCore.Lent, Take());
        Assert.Equal(0, Lend(Later * 2));
        _core.HandedOver(_backlog, Later);
        Assert.False(FanOutCore.TryReturn(_backlog)); // the sender wakes the writer
        Assert.Equal(1, Take());
    }

    [Fact]
    public void Datums_in_a_row_are_left_to_the_writer()
    {
        Publish();
        Assert.Equal(1, Lend(Later));
        _core.HandedOver(_backlog, Later);
        Assert.True(FanOutCore.TryReturn(_backlog));
        Publish();
        Assert.Equal(0, Lend(Later + TimeSpan.FromMicroseconds(1)));
        Assert.Equal(1, Take());
    }

    [Fact]
    public void A_writer_at_work_lends_nothing()
    {
        Publish();
        Assert.Equal(1, Take());
        Assert.Equal(0, Lend(Later));
    }

    [Fact]
    public void A_large_datum_is_left_to_the_writer()
    {
        Publish(8 * 1024);
        Assert.Equal(0, Lend(Later));
        Assert.Equal(1, Take());
    }

    [Fact]
    public void A_writer_ends_when_the_sender_is_done_and_lends_nothing_after_that()
    {
        Publish();
        Assert.Equal(1, Lend(Later));
        Assert.False(FanOutCore.TryRetire(_backlog));
        _core.HandedOver(_backlog, Later);
        FanOutCore.TryReturn(_backlog);
        Assert.True(FanOutCore.TryRetire(_backlog));
        Publish();
        Assert.Equal(0, Lend(Later * 2));
    }

    private int Lend(TimeSpan now) => Release(FanOutCore.TryLend(_backlog, _batch, now));

    private int Take() => Release(FanOutCore.Take(_backlog, _batch, int.MaxValue));

    private int Release(int count)
    {
        foreach (var frame in _batch.AsSpan(0, Math.Max(0, count)))
            frame.Release();
        return count;
    }

    private void Publish(int size = 1)
    {
        var frame = Frames.Rent();
        frame.GetSpan(size);
        frame.Advance(size);
        frame.Seal();
        PublishEffects effects = default;
        Assert.Equal(1, _core.Publish(frame, ref effects));
        effects.Run(inPerson: true);
        frame.Release();
    }

    private sealed class Owner : IBacklogOwner
    {
        public int Calls { get; private set; }

        public void Wake() => Assert.Fail("a sender that may write is asked to");

        public void WriteOrWake() => Calls++;

        public void DropLagging() => Assert.Fail("nobody lags");
    }
}
