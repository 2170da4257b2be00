namespace OrderBook;

/// <summary>Starts all participants, shows what they say, and waits for them.</summary>
internal static class Conductor
{
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <param name="run">Runs one participant: here, or as a process of its own.</param>
    public static async Task<int> RunAsync(Func<string, Exchange, Action<string>, CancellationToken, Task> run)
    {
        using var deadline = new CancellationTokenSource(Patience);
        var exchange = Exchange.New();
        var gateway = Start(Scenario.Gateway);
        List<Participant> all = [gateway];
        try
        {
            exchange = exchange with { Contact = await gateway.Address };
            foreach (var name in (string[])[.. Scenario.Replicas, Scenario.Observer, .. Scenario.Traders])
                all.Add(Start(name));
            await foreach (var ended in Task.WhenEach(all.Select(p => p.Completion)))
                await ended;
            Console.WriteLine("order book example complete");
            return 0;
        }
        catch (InvalidOperationException)
        {
            await deadline.CancelAsync(); // the others cannot finish either
            foreach (var participant in all)
            {
                await participant.Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (participant.Completion.Exception?.InnerException is { } failure)
                    await Console.Error.WriteLineAsync(failure.Message);
            }

            return 1;
        }

        Participant Start(string name)
        {
            var known = exchange;
            return Participant.Start(name, say => run(name, known, say, deadline.Token));
        }
    }
}
