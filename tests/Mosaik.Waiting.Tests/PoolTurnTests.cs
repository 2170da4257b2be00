namespace Mosaik.Waiting.Tests;

/// <summary>A reader that continues behind the loop that posted to it.</summary>
public sealed class PoolTurnTests
{
    [Fact]
    public async Task The_reader_of_an_item_posted_last_continues_on_the_same_thread_when_the_loop_waits_again()
    {
        var input = new Mailbox<int>(4);
        var output = new Mailbox<int>(4);
        var loopThread = 0;
        var isLoopDone = false;
        var reading = ReadAsync();
        var looping = LoopAsync();
        Assert.True(input.TryPost(7));
        Assert.Equal((7, true, true), await reading.WaitAsync(TimeSpan.FromSeconds(30)));
        input.Complete();
        await looping;

        async Task<(int Item, bool SameThread, bool AfterLoop)> ReadAsync()
        {
            var item = await output.ReadAsync().ConfigureAwait(false);
            return (item, Environment.CurrentManagedThreadId == loopThread, isLoopDone);
        }

        async Task LoopAsync()
        {
            while (await input.WaitToReadAsync().ConfigureAwait(false))
            {
                Assert.True(input.TryRead(out var item));
                loopThread = Environment.CurrentManagedThreadId;
                Assert.True(output.TryPostLast(item));
                isLoopDone = true;
            }
        }
    }

    [Fact]
    public async Task A_second_reader_is_posted()
    {
        var input = new Mailbox<int>(4);
        Mailbox<int>[] outputs = [new(4), new(4)];
        var first = outputs[0].ReadAsync().AsTask();
        var second = outputs[1].WaitToReadAsync().AsTask();
        var looping = LoopAsync();
        Assert.True(input.TryPost(7));
        Assert.Equal(7, await first.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.True(await second.WaitAsync(TimeSpan.FromSeconds(30)));
        await looping;

        async Task LoopAsync()
        {
            var item = await input.ReadAsync().ConfigureAwait(false);
            foreach (var output in outputs)
                Assert.True(output.TryPostLast(item));
        }
    }

    [Fact]
    public async Task Outside_of_a_continuation_the_reader_is_posted()
    {
        var output = new Mailbox<int>(1);
        var reading = output.ReadAsync().AsTask();
        Assert.True(output.TryPostLast(3));
        Assert.Equal(3, await reading.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.True(output.TryPostLast(4)); // nobody waits: it is stored
        Assert.False(output.TryPostLast(5));
        Assert.Equal(4, await output.ReadAsync());
    }
}
