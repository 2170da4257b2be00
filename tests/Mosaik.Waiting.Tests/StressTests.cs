using CsCheck;

namespace Mosaik.Waiting.Tests;

/// <summary>Real threads, many of them, and a model.</summary>
public sealed class StressTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(64)]
    public async Task Nothing_is_lost_doubled_or_reordered(int capacity)
    {
        const int Writers = 4;
        const int Items = 20_000;
        var mailbox = new Mailbox<(int Writer, int Item)>(capacity);
        async Task Write(int writer)
        {
            await Task.Yield();
            for (var i = 0; i < Items; i++)
            {
                if ((i & 7) != 0 || !mailbox.TryPost((writer, i)))
                    Assert.True(await mailbox.PostAsync((writer, i)));
            }
        }

        var writing = Task.WhenAll(Enumerable.Range(0, Writers).Select(w => Task.Run(() => Write(w))));
        var next = new int[Writers];
        for (var n = 0; n < Writers * Items; n++)
        {
            (int Writer, int Item) read;
            if ((n & 1) == 0)
            {
                read = await mailbox.ReadAsync();
            }
            else
            {
                Assert.True(await mailbox.WaitToReadAsync());
                Assert.True(mailbox.TryRead(out read));
            }

            Assert.Equal(next[read.Writer]++, read.Item);
        }

        await writing;
        Assert.Equal(0, mailbox.Count);
    }

    [Fact]
    public async Task Cancellation_races_lose_nothing()
    {
        const int Items = 20_000;
        var mailbox = new Mailbox<int>(2);
        var accepted = new List<int>();
        async Task Write()
        {
            for (var i = 0; i < Items; i++)
            {
                using var cancel = new CancellationTokenSource();
                var post = mailbox.PostAsync(i, cancel.Token);
                if ((i & 1) == 0)
                    cancel.Cancel();
                try
                {
                    Assert.True(await post);
                    accepted.Add(i);
                }
                catch (OperationCanceledException)
                {
                }
            }

            mailbox.Complete();
        }

        var writing = Task.Run(Write);
        var read = new List<int>();
        while (true)
        {
            using var cancel = new CancellationTokenSource();
            var wait = mailbox.ReadAsync(cancel.Token);
            var cancelling = Task.Run(cancel.Cancel);
            try
            {
                read.Add(await wait);
            }
            catch (OperationCanceledException)
            {
            }
            catch (MailboxCompletedException)
            {
                await cancelling;
                break;
            }

            await cancelling;
        }

        await writing;
        Assert.Equal(accepted, read);
    }

    [Fact]
    public async Task A_signal_never_loses_a_wake_up()
    {
        const int Rounds = 100_000;
        var signal = new Signal();
        var answer = new Signal();
        var produced = 0;
        var producer = Task.Run(async () =>
        {
            for (var i = 1; i <= Rounds; i++)
            {
                Volatile.Write(ref produced, i);
                signal.Set();
                if (i % 7 == 0)
                    Assert.True(await answer.WaitAsync(TimeSpan.FromMinutes(5)));
            }
        });
        var seen = 0;
        while (seen < Rounds)
        {
            Assert.True(await signal.WaitAsync(TimeSpan.FromMinutes(5)), "a set was lost");
            seen = Volatile.Read(ref produced);
            answer.Set();
        }

        await producer;
    }

    [Fact]
    public async Task A_signal_survives_racing_sets_cancellations_and_deadlines()
    {
        var signal = new Signal();
        using var stop = new CancellationTokenSource();
        var setter = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
                signal.Set();
        });
        for (var i = 0; i < 20_000; i++)
        {
            using var cancel = new CancellationTokenSource();
            var wait = signal.WaitAsync(TimeSpan.FromMilliseconds(i % 3), cancel.Token);
            if (i % 5 == 0)
                cancel.Cancel();
            try
            {
                await wait;
            }
            catch (OperationCanceledException)
            {
            }
        }

        stop.Cancel();
        await setter;
    }

    [Fact]
    public async Task A_completion_ends_every_racing_wait()
    {
        for (var i = 0; i < 2_000; i++)
        {
            var completion = new Completion<int>();
            using var cancel = new CancellationTokenSource();
            var waits = Enumerable.Range(0, 4).Select(n => Task.Run(async () =>
            {
                try
                {
                    return await completion.WaitAsync(n % 2 == 0 ? cancel.Token : default);
                }
                catch (OperationCanceledException) when (n % 2 == 0)
                {
                    return 5;
                }
            })).ToArray();
            var cancelling = Task.Run(cancel.Cancel);
            Assert.True(completion.TrySetResult(5));
            var values = await Task.WhenAll(waits);
            Assert.Equal([5, 5, 5, 5], values);
            await cancelling;
        }
    }

    /// <summary>Random operations against a queue with a line of writers and a pending reader.</summary>
    [Fact]
    public void Behaves_like_its_model() =>
        Gen.Select(Gen.Int[1, 4], Gen.Int[0, 7].Array[0, 80]).Sample((capacity, operations) =>
        {
            var scheduler = new OneThreadScheduler();
            var mailbox = new Mailbox<int>(capacity, scheduler);
            var queue = new Queue<int>();
            var line = new List<(int Item, ValueTask<bool> Wait, CancellationTokenSource Cancel)>();
            (ValueTask<int> Wait, CancellationTokenSource Cancel)? reader = null;
            var closed = false;
            for (var n = 0; n < operations.Length; n++)
            {
                switch (operations[n])
                {
                    case 0 or 1:
                        var posted = mailbox.TryPost(n);
                        if (reader is { } r && !closed)
                        {
                            Assert.True(posted);
                            Assert.True(r.Wait.IsCompleted);
                            Assert.Equal(n, r.Wait.Result);
                            reader = null;
                        }
                        else
                        {
                            Assert.Equal(!closed && queue.Count < capacity && line.Count == 0, posted);
                            if (posted)
                                queue.Enqueue(n);
                        }

                        break;
                    case 2 or 3 when reader is null:
                        var cancel = new CancellationTokenSource();
                        var write = mailbox.PostAsync(n, cancel.Token);
                        if (closed)
                        {
                            Assert.False(write.Result);
                        }
                        else if (queue.Count < capacity && line.Count == 0)
                        {
                            Assert.True(write.Result);
                            queue.Enqueue(n);
                        }
                        else
                        {
                            Assert.False(write.IsCompleted);
                            line.Add((n, write, cancel));
                        }

                        break;
                    case 4 or 5:
                        var read = mailbox.TryRead(out var item);
                        Assert.Equal(queue.TryDequeue(out var expected), read);
                        Assert.Equal(expected, item);
                        if (read && line.Count > 0)
                        {
                            Assert.True(line[0].Wait.Result);
                            queue.Enqueue(line[0].Item);
                            line.RemoveAt(0);
                        }

                        break;
                    case 6 when line.Count > 0:
                        var victim = line[n % line.Count];
                        line.Remove(victim);
                        victim.Cancel.Cancel();
                        Assert.True(victim.Wait.IsCanceled);
                        Assert.Throws<OperationCanceledException>(() => victim.Wait.GetAwaiter().GetResult());
                        break;
                    case 6 when reader is null && queue.Count == 0 && !closed:
                        var readerCancel = new CancellationTokenSource();
                        reader = (mailbox.ReadAsync(readerCancel.Token), readerCancel);
                        Assert.False(reader.Value.Wait.IsCompleted);
                        break;
                    case 7 when reader is { } pending:
                        pending.Cancel.Cancel();
                        Assert.Throws<OperationCanceledException>(() => pending.Wait.GetAwaiter().GetResult());
                        reader = null;
                        break;
                    case 7 when n % 11 == 0:
                        Assert.Equal(!closed, mailbox.Complete());
                        closed = true;
                        foreach (var waiting in line)
                            Assert.False(waiting.Wait.Result);
                        line.Clear();
                        break;
                    default:
                        break;
                }

                Assert.Equal(queue.Count, mailbox.Count);
            }
        });
}
