using System.Diagnostics;
using System.Globalization;

namespace OrderBook;

/// <summary>Starts all participants, shows what they say, and waits for them.</summary>
internal static class Conductor
{
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <param name="run">Runs one participant: here, or as a process of its own.</param>
    public static async Task<int> RunAsync(Func<string, Exchange, Action<string>, CancellationToken, Task> run)
    {
        using var deadline = new CancellationTokenSource(Patience);
        var start = Stopwatch.GetTimestamp();
        Console.WriteLine(
            "Six nodes on this machine, over encrypted UDP: three matchers hold one order book by consensus, two traders\n"
            + "stream orders to them, an observer sees what is filled. They are told one address and find each other.\n");
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
            var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"\nAll three matchers executed the same {Scenario.Orders.Length} orders and hold the same book; {seconds:F1} s."));
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
