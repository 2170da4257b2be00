namespace Mosaik.Waiting.Tests;

public sealed class CompletionTests
{
    [Fact]
    public async Task Every_wait_gets_the_value_before_and_after()
    {
        var completion = new Completion<int>();
        var waits = Enumerable.Range(0, 5).Select(_ => completion.WaitAsync()).ToArray();
        Assert.False(completion.IsCompleted);
        Assert.False(completion.TryGetResult(out _));
        Assert.True(completion.TrySetResult(7));
        Assert.False(completion.TrySetResult(8));
        Assert.False(completion.TrySetException(new IOException()));
        Assert.False(completion.TrySetCanceled());
        foreach (var wait in waits)
            Assert.Equal(7, await wait);
        Assert.Equal(7, await completion.WaitAsync());
        Assert.True(completion.TryGetResult(out var value));
        Assert.Equal(7, value);
        Assert.True(completion.IsCompletedSuccessfully);
        Assert.Null(completion.Error);
    }

    [Fact]
    public async Task Every_wait_gets_the_exception()
    {
        var completion = new Completion<int>();
        var error = new IOException("x");
        var early = completion.WaitAsync();
        Assert.True(completion.TrySetException(error));
        Assert.Same(error, await Assert.ThrowsAsync<IOException>(async () => await early));
        Assert.Same(error, await Assert.ThrowsAsync<IOException>(async () => await completion.WaitAsync()));
        Assert.Same(error, completion.Error);
        Assert.False(completion.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task A_cancelled_completion_names_its_token()
    {
        using var cancel = new CancellationTokenSource();
        cancel.Cancel();
        var completion = new Completion();
        var early = completion.WaitAsync();
        Assert.True(completion.TrySetCanceled(cancel.Token));
        var error = await Assert.ThrowsAsync<OperationCanceledException>(async () => await early);
        Assert.Equal(cancel.Token, error.CancellationToken);
    }

    [Fact]
    public async Task Cancelling_one_wait_leaves_the_others()
    {
        var completion = new Completion();
        using var cancel = new CancellationTokenSource();
        var first = completion.WaitAsync();
        var second = completion.WaitAsync(cancel.Token);
        var third = completion.WaitAsync();
        cancel.Cancel();
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await second);
        Assert.False(first.IsCompleted);
        Assert.True(completion.TrySetResult());
        await first;
        await third;
        await completion.WaitAsync(cancel.Token);
    }

    [Fact]
    public async Task Can_be_turned_into_a_task()
    {
        var completion = new Completion<int>();
        var tasks = Enumerable.Range(0, 3).Select(_ => completion.WaitAsync().AsTask()).ToArray();
        completion.TrySetResult(3);
        var values = await Task.WhenAll(tasks);
        Assert.Equal([3, 3, 3], values);
    }
}
