using System.Diagnostics;

namespace OrderBook;

/// <summary>A participant as a process of its own: this program again, in another role.</summary>
internal static class ChildProcess
{
    // Not an argument: those can be seen by every user of the machine.
    private const string SecretVariable = "ORDER_BOOK_GROUP_SECRET";

    /// <summary>Starts one and waits for its end.</summary>
    public static async Task RunAsync(string name, Exchange exchange, Action<string> say, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true };
        start.ArgumentList.Add(typeof(ChildProcess).Assembly.Location);
        start.ArgumentList.Add("node");
        start.ArgumentList.Add(name);
        start.ArgumentList.Add(exchange.Network);
        if (exchange.Contact is { } contact)
            start.ArgumentList.Add(contact);
        start.Environment[SecretVariable] = exchange.GroupSecret;
        using var process = Process.Start(start) ?? throw new InvalidOperationException("cannot start a process");
        try
        {
            while (await process.StandardOutput.ReadLineAsync(cancellation) is { } line)
                say(line);
            await process.WaitForExitAsync(cancellation);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }

        if (process.ExitCode != 0)
            throw new InvalidOperationException($"ended with exit code {process.ExitCode}");
    }

    /// <summary>What the process does that was started so.</summary>
    public static async Task<int> BeAsync(string name, string network, string? contact)
    {
        using var deadline = new CancellationTokenSource(Conductor.Patience);
        var secret = Environment.GetEnvironmentVariable(SecretVariable)
            ?? throw new InvalidOperationException($"{SecretVariable} is not set");
        await Node.RunAsync(name, new Exchange(network, secret, contact), Console.WriteLine, deadline.Token);
        return 0;
    }
}
