using System.Buffers;
using Mosaik.Streams;

namespace Mosaik.Tests.Streams;

/// <summary>The path of a datum to its consumers allocates nothing in steady state (spec/streams.md §20).</summary>
public sealed class PublishAllocationTests
{
    [Theory]
    [InlineData(1, 100), InlineData(3, 100), InlineData(200, 100), InlineData(2, 5000)]
    public void Encoding_publishing_waking_and_handing_over_allocate_nothing(int subscriptions, int size)
    {
        var frames = new DatumFramePool(ArrayPool<byte>.Create()); // its own: tests that run beside it cannot drain it
        var core = new FanOutCore(64, 1 << 20, LagPolicy.Disconnect, Timeout.InfiniteTimeSpan);
        var backlogs = Enumerable.Range(0, subscriptions).Select(_ => core.Add(new Owner())).ToArray();
        var batch = new DatumFrame[256];
        var payload = new byte[size];
        for (var i = 0; i < 10; i++)
            Round();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 200; i++)
            Round();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Round()
        {
            foreach (var backlog in backlogs)
                FanOutCore.Take(backlog, batch, 64 * 1024); // empty: every writer is idle and has to be woken
            for (var i = 0; i < 20; i++)
                Publish();
            foreach (var backlog in backlogs)
            {
                for (int count; (count = FanOutCore.Take(backlog, batch, 64 * 1024)) > 0;)
                {
                    core.HandedOver(backlog, TimeSpan.Zero);
                    foreach (var frame in batch.AsSpan(0, count))
                        frame.Release();
                }
            }
        }

        void Publish()
        {
            var frame = frames.Rent();
            payload.CopyTo(frame.GetSpan(payload.Length));
            frame.Advance(payload.Length);
            frame.Seal();
            PublishEffects effects = default;
            core.Publish(frame, ref effects);
            effects.Run(inPerson: false);
            frame.Release();
        }
    }

    [Fact]
    public void A_producer_accepts_a_datum_without_allocating()
    {
        using var world = new StreamWorld();
        world.Run(async () =>
        {
            var pair = await world.PairAsync<long>();
            await RoundAsync();
            await RoundAsync();
            Assert.Equal(0, await RoundAsync());

            async Task<long> RoundAsync()
            {
                pair.Producer.TrySend(-2); // written at once: the in-memory transport allocates
                pair.Producer.TrySend(-1); // wakes the writer, which the scheduler of the test cannot do for nothing
                var before = GC.GetAllocatedBytesForCurrentThread();
                for (var i = 0; i < 500; i++)
                {
                    if (i % 2 == 0 ? pair.Producer.TrySend(i) != SendResult.Accepted : !pair.Producer.WriteAsync(i).IsCompletedSuccessfully)
                        Assert.Fail("not accepted at once");
                }

                var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
                Assert.Equal(502, (await world.TakeAsync(pair.Consumer, 502)).Count);
                return allocated;
            }
        });
    }

    private sealed class Owner : IBacklogOwner
    {
        public void Wake()
        {
        }

        public void WriteOrWake()
        {
        }

        public void DropLagging() => Assert.Fail("nobody lags");
    }
}
