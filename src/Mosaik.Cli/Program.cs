using System.CommandLine;
using System.Runtime.InteropServices;
using Mosaik.Cli.Commands;

namespace Mosaik.Cli;

/// <summary>The <c>mosaik</c> tool: results on stdout, everything for people on stderr.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        var root = new RootCommand("Self-organizing networks on the command line: publish and subscribe, no server.")
        {
            IdCommand.Create(),
            PubCommand.Create(),
            SubCommand.Create(),
            BootstrapCommand.Create(),
            PeersCommand.Create(),
            BenchStreamsCommand.Create(),
        };
        ParseResult parsed;
        try
        {
            parsed = BootstrapEnvironment.Apply(root, root.Parse(args), Environment.GetEnvironmentVariable);
        }
        catch (ToolException wrong)
        {
            await Console.Error.WriteLineAsync($"mosaik {BootstrapCommand.Name}: {wrong.Message}");
            return ExitCode.Usage;
        }

        if (parsed.Errors.Count > 0)
        {
            await Console.Error.WriteLineAsync(Usage(parsed));
            return ExitCode.Usage;
        }

        // Ctrl+C and SIGTERM ask for a graceful leave, which is a success; the parser's own handling exits with 130.
        using var stop = new CancellationTokenSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Leave);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Leave);
        return await parsed.InvokeAsync(
            new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null },
            stop.Token);

        void Leave(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }
    }

    /// <summary>One line that says what is wrong and where to read more.</summary>
    private static string Usage(ParseResult parsed)
    {
        var command = "mosaik";
        foreach (var name in parsed.CommandResult.Command.Parents.OfType<Command>().Where(static c => c is not RootCommand))
            command += " " + name.Name;
        if (parsed.CommandResult.Command is not RootCommand)
            command += " " + parsed.CommandResult.Command.Name;
        var problem = parsed.UnmatchedTokens is [var token, ..]
            ? $"'{token}' is not a command or option"
            : parsed.Errors[0].Message;
        return $"{command}: {problem} (see '{command} --help')";
    }
}
