using System.CommandLine;
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
        };
        var parsed = root.Parse(args);
        if (parsed.Errors is [var error, ..])
        {
            var path = string.Join(' ', parsed.CommandResult.Command is RootCommand
                ? ["mosaik"]
                : new[] { "mosaik", parsed.CommandResult.Command.Name });
            await Console.Error.WriteLineAsync($"{path}: {error.Message} (see '{path} --help')").ConfigureAwait(false);
            return ExitCode.Usage;
        }

        return await parsed.InvokeAsync(new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = TimeSpan.FromSeconds(10),
        }).ConfigureAwait(false);
    }
}
