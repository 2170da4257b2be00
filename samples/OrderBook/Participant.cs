namespace OrderBook;

/// <summary>A participant as the conductor sees it: it tells its address, then what happens, and ends.</summary>
internal sealed class Participant
{
    private readonly string _name;
    private readonly TaskCompletionSource<string> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Participant(string name) => _name = name;

    /// <summary>Where it is reached; fails if it ends before it has one.</summary>
    public Task<string> Address => _address.Task;

    /// <summary>Its end; fails if it failed.</summary>
    public Task Completion { get; private set; } = Task.CompletedTask;

    /// <summary>Starts a participant.</summary>
    /// <param name="name">Who it is.</param>
    /// <param name="run">Runs it, and passes on what it says.</param>
    public static Participant Start(string name, Func<Action<string>, Task> run)
    {
        var participant = new Participant(name);
        participant.Completion = participant.FollowAsync(run);
        return participant;
    }

    private async Task FollowAsync(Func<Action<string>, Task> run)
    {
        try
        {
            await run(Hear);
            _address.TrySetException(new InvalidOperationException($"{_name} ended before it had an address"));
        }
        catch (Exception error)
        {
            var what = error is OperationCanceledException ? "did not finish" : error.Message;
            var failure = new InvalidOperationException($"{_name}: {what}", error);
            _address.TrySetException(failure);
            throw failure;
        }
    }

    private void Hear(string line)
    {
        if (!_address.TrySetResult(line))
            Console.WriteLine($"{_name}: {line}");
    }
}
