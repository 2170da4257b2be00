using System.CommandLine;
using System.CommandLine.Parsing;

namespace Mosaik.Cli.Commands;

/// <summary>
/// The options of <c>mosaik bootstrap</c> as environment variables, for containers and services: those not given on the
/// command line are appended to it, so that both are checked by the same rules.
/// </summary>
internal static class BootstrapEnvironment
{
    private const string Prefix = "MOSAIK_BOOTSTRAP_";

    private static readonly (string Variable, Option Option, Func<string, string[]?> Arguments, string Form)[] Variables =
    [
        ("SECRET", NodeOptions.Secret, static text => ["--secret", text], ""),
        ("NETWORK_ID", BootstrapCommand.Network, static text => ["--network-id", text], ""),
        ("PEERS", BootstrapCommand.Peers, static text => ["--peers", text], ""),
        ("TAGS", BootstrapCommand.Tags, static text => ["--tags", text], ""),
        ("LISTEN", NodeOptions.Listen, static text => [.. List(text).SelectMany(static e => (string[])["--listen", e])], ""),
        ("PURGE_AFTER", NodeOptions.PurgeAfter, static text => ["--purge-after", text], ""),
        ("ANNOUNCE_INTERVAL", NodeOptions.AnnounceInterval, static text => ["--announce-interval", text], ""),
        ("NO_RELAY", BootstrapCommand.NoRelay, static text => Flag(text, "--no-relay"), "true or false"),
        ("QUIET", BootstrapCommand.Quiet, static text => Flag(text, "--quiet"), "true or false"),
        ("LOGGING", BootstrapCommand.Verbose, Level, "info, debug or trace"),
    ];

    /// <summary>The command line with what the environment adds; the same one for other commands.</summary>
    /// <exception cref="ToolException">A variable has a form that no option has.</exception>
    public static ParseResult Apply(RootCommand root, ParseResult parsed, Func<string, string?> read)
    {
        if (parsed.CommandResult.Command.Name != BootstrapCommand.Name)
            return parsed;
        var more = new List<string>();
        foreach (var (variable, option, arguments, form) in Variables)
        {
            if (read(Prefix + variable) is not { Length: > 0 } text || IsGiven(parsed, option))
                continue;
            // -q on the command line is stronger than a level in the environment, and the other way round.
            if ((option == BootstrapCommand.Verbose && IsGiven(parsed, BootstrapCommand.Quiet))
                || (option == BootstrapCommand.Quiet && IsGiven(parsed, BootstrapCommand.Verbose)))
                continue;
            if (arguments(text) is { } found)
                more.AddRange(found);
            else
                throw new ToolException($"{Prefix}{variable} takes {form}, not '{text}'");
        }

        return more.Count == 0 ? parsed : root.Parse([.. parsed.Tokens.Select(static t => t.Value), .. more]);
    }

    private static bool IsGiven(ParseResult parsed, Option option) =>
        parsed.GetResult(option) is OptionResult { Implicit: false };

    private static string[] List(string text) =>
        text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static string[]? Flag(string text, string option) => text.ToLowerInvariant() switch
    {
        "1" or "true" or "yes" or "on" => [option],
        "0" or "false" or "no" or "off" => [],
        _ => null,
    };

    private static string[]? Level(string text) => text.ToLowerInvariant() switch
    {
        "info" => [],
        "debug" => ["-v"],
        "trace" => ["-v", "-v"],
        _ => null,
    };
}
