namespace Mosaik.Waiting.Tests;

public sealed class MailboxTests
{
    [Fact]
    public void Refuses_a_capacity_of_zero() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new Mailbox<int>(0));

    [Fact]
    public void Keeps_order_and_bound()
    {
        var mailbox = new Mailbox<int>(20);
        for (var i = 0; i < 20; i++)
            Assert.True(mailbox.TryPost(i));
        Assert.False(mailbox.TryPost(20));
        Assert.Equal(20, mailbox.Count);
        for (var i = 0; i < 20; i++)
        {
            Assert.True(mailbox.TryRead(out var item));
            Assert.Equal(i, item);
        }

        Assert.False(mailbox.TryRead(out _));
    }

    [Fact]
    public async Task Nobody_overtakes_a_waiting_writer()
    {
        var mailbox = new Mailbox<int>(1);
        Assert.True(mailbox.TryPost(1));
        var second = mailbox.PostAsync(2);
        var third = mailbox.PostAsync(3);
        Assert.False(second.IsCompleted);
        Assert.True(mailbox.TryRead(out var first));
        Assert.Equal(1, first);
        Assert.True(await second);
        Assert.False(mailbox.TryPost(4));
        Assert.True(mailbox.TryRead(out first));
        Assert.Equal(2, first);
        Assert.True(await third);
        Assert.Equal(3, await mailbox.ReadAsync());
        Assert.True(mailbox.TryPost(4));
    }

    [Fact]
    public async Task A_cancelled_writer_leaves_the_line_and_its_item_with_it()
    {
        var mailbox = new Mailbox<int>(1);
        using var cancel = new CancellationTokenSource();
        Assert.True(mailbox.TryPost(1));
        var second = mailbox.PostAsync(2, cancel.Token);
        var third = mailbox.PostAsync(3);
        cancel.Cancel();
        var error = await Assert.ThrowsAsync<OperationCanceledException>(async () => await second);
        Assert.Equal(cancel.Token, error.CancellationToken);
        Assert.Equal(1, await mailbox.ReadAsync());
        Assert.True(await third);
        Assert.Equal(3, await mailbox.ReadAsync());
        Assert.Equal(0, mailbox.Count);
    }

    [Fact]
    public async Task A_cancelled_read_loses_no_item()
    {
        var mailbox = new Mailbox<int>(4);
        using var cancel = new CancellationTokenSource();
        var read = mailbox.ReadAsync(cancel.Token);
        cancel.Cancel();
        Assert.True(mailbox.TryPost(1));
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await read);
        Assert.Equal(1, await mailbox.ReadAsync());
    }

    [Fact]
    public async Task A_handed_over_item_survives_a_later_cancellation()
    {
        var mailbox = new Mailbox<int>(4);
        using var cancel = new CancellationTokenSource();
        var read = mailbox.ReadAsync(cancel.Token);
        Assert.True(mailbox.TryPost(1));
        cancel.Cancel();
        Assert.Equal(1, await read);
    }

    [Fact]
    public async Task A_token_that_is_cancelled_already_ends_the_call_at_once()
    {
        var mailbox = new Mailbox<int>(1);
        var cancelled = new CancellationToken(true);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await mailbox.PostAsync(1, cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await mailbox.ReadAsync(cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await mailbox.WaitToReadAsync(cancelled));
        Assert.Equal(0, mailbox.Count);
    }

    [Fact]
    public async Task Completing_drains_and_then_says_no()
    {
        var mailbox = new Mailbox<int>(1);
        Assert.True(mailbox.TryPost(1));
        var waiting = mailbox.PostAsync(2);
        Assert.True(mailbox.Complete());
        Assert.False(mailbox.Complete());
        Assert.False(await waiting);
        Assert.False(mailbox.TryPost(3));
        Assert.False(await mailbox.PostAsync(3));
        Assert.False(mailbox.IsCompleted);
        Assert.True(await mailbox.WaitToReadAsync());
        Assert.Equal(1, await mailbox.ReadAsync());
        Assert.True(mailbox.IsCompleted);
        Assert.False(await mailbox.WaitToReadAsync());
        await Assert.ThrowsAsync<MailboxCompletedException>(async () => await mailbox.ReadAsync());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Completing_ends_a_pending_read(bool withError)
    {
        var error = withError ? new IOException("gone") : null;
        var mailbox = new Mailbox<int>(1);
        var read = mailbox.ReadAsync();
        mailbox.Complete(error);
        if (withError)
            Assert.Same(error, await Assert.ThrowsAsync<IOException>(async () => await read));
        else
            await Assert.ThrowsAsync<MailboxCompletedException>(async () => await read);

        mailbox = new Mailbox<int>(1);
        var wait = mailbox.WaitToReadAsync();
        mailbox.Complete(error);
        if (withError)
            Assert.Same(error, await Assert.ThrowsAsync<IOException>(async () => await wait));
        else
            Assert.False(await wait);
    }

    [Fact]
    public async Task Has_a_single_reader()
    {
        var mailbox = new Mailbox<int>(1);
        var read = mailbox.ReadAsync();
        Assert.Throws<InvalidOperationException>(() => { _ = mailbox.ReadAsync(); });
        Assert.Throws<InvalidOperationException>(() => { _ = mailbox.WaitToReadAsync(); });
        mailbox.TryPost(1);
        Assert.Equal(1, await read);
    }

    [Fact]
    public async Task A_wait_is_awaited_once()
    {
        var mailbox = new Mailbox<int>(1);
        var read = mailbox.ReadAsync();
        mailbox.TryPost(1);
        Assert.Equal(1, await read);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await read);
    }

    [Fact]
    public async Task Reads_all_until_completed()
    {
        var mailbox = new Mailbox<int>(2);
        async Task Write()
        {
            for (var i = 0; i < 100; i++)
                Assert.True(await mailbox.PostAsync(i));
            mailbox.Complete();
        }

        var writing = Write();
        var read = new List<int>();
        await foreach (var item in mailbox.ReadAllAsync(TestContext.Current.CancellationToken))
            read.Add(item);
        await writing;
        Assert.Equal(Enumerable.Range(0, 100), read);
    }

    [Fact]
    public void Does_not_allocate_in_steady_state()
    {
        // All on this thread: a scheduler that runs a task inline when asked to is not involved, because no wait
        // outlives its call; waits in line are covered by pooling, which the second half measures.
        var mailbox = new Mailbox<long>(8);
        void Round()
        {
            for (var i = 0; i < 8; i++)
                mailbox.TryPost(i);
            while (mailbox.TryRead(out _))
            {
            }
        }

        Round();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            Round();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Pending_waits_do_not_allocate_in_steady_state()
    {
        var mailbox = new Mailbox<long>(1);
        using var resumed = new AutoResetEvent(false);
        Action onReader = () => resumed.Set();
        Action onWriter = () => resumed.Set();
        void Round()
        {
            var read = mailbox.ReadAsync().GetAwaiter();
            read.UnsafeOnCompleted(onReader);
            mailbox.TryPost(1);
            resumed.WaitOne();
            read.GetResult();
            mailbox.TryPost(1);
            var write = mailbox.PostAsync(2).GetAwaiter();
            write.UnsafeOnCompleted(onWriter);
            mailbox.TryRead(out _);
            resumed.WaitOne();
            write.GetResult();
            mailbox.TryRead(out _);
        }

        for (var i = 0; i < 50; i++)
            Round();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            Round();

        // The thread pool grows its queues in segments now and then; a wait that allocated would cost ≥ 24,000 bytes.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 8_000);
    }
}
