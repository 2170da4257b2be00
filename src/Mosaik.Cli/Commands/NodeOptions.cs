using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;
using Mosaik.Discovery;
using Mosaik.Primitives;

namespace Mosaik.Cli.Commands;

/// <summary>The options that every command with a node has, and the node they describe.</summary>
internal static class NodeOptions
{
    /// <summary>How a peer is written.</summary>
    public const string PeerForm = "ID@IP:PORT";

    public static readonly Option<string> Network = new("--network", "-n")
    {
        Description = "The network: 64 hexadecimal digits, or any text, which is hashed.",
        Required = true,
        Validators = { NotEmpty },
    };

    public static readonly Option<string> Stream = new("--stream", "-S")
    {
        Description = "The stream: 64 hexadecimal digits, or any text, which is hashed.",
        Required = true,
        Validators = { NotEmpty },
    };

    public static readonly Option<EndpointAddress[]> Peers = new("--peer", "-p")
    {
        HelpName = PeerForm,
        Description = "A member to contact at start; a bare ID does if others know its address. May be given several times.",
        CustomParser = static result => ParsePeers(result, static text => [text]),
        DefaultValueFactory = _ => [],
        AllowMultipleArgumentsPerToken = false,
        Arity = ArgumentArity.OneOrMore,
    };

    public static readonly Option<IPEndPoint[]> Listen = new("--listen", "-l")
    {
        HelpName = "IP:PORT",
        Description = "An address to bind. May be given several times. Default: all interfaces, any port.",
        CustomParser = ParseEndPoints,
        DefaultValueFactory = _ => [],
        Arity = ArgumentArity.OneOrMore,
    };

    public static readonly Option<string?> Secret = new("--secret", "-s")
    {
        Description = "The node's identity: 64 hexadecimal digits are the key, any other text is hashed into one. "
            + "Default: a new key.",
        Validators = { NotEmpty },
    };

    public static readonly Option<bool> Json = new("--json")
    {
        Description = "Writes results as one JSON object per line.",
    };

    public static readonly Option<bool> Verbose = new("--verbose", "-v")
    {
        Description = "Logs protocol steps on stderr (as MOSAIK_LOG=debug does).",
    };

    public static readonly Option<TimeSpan?> PurgeAfter = Duration(
        "--purge-after", "A peer that was not heard of for so long is forgotten: a number and ms, s, m or h. Default: 300s.");

    public static readonly Option<TimeSpan?> AnnounceInterval = Duration(
        "--announce-interval", "How often this node says that it is there, on average. Default: 15s.");

    public static readonly Option<string[]> Tags = new("--tag", "-t")
    {
        Description = "A tag of this node, for others to choose by. May be given several times.",
        DefaultValueFactory = _ => [],
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
        Validators = { NotEmpty },
    };

    /// <summary>Adds the options of a node to a command, but for <see cref="Network"/>, which comes first.</summary>
    public static void AddTo(Command command)
    {
        foreach (Option option in (Option[])[Peers, Listen, Secret, Tags, Json, Verbose])
            command.Options.Add(option);
        AddIntervalsTo(command);
    }

    /// <summary>Adds the options of discovery to a command.</summary>
    public static void AddIntervalsTo(Command command)
    {
        command.Options.Add(PurgeAfter);
        command.Options.Add(AnnounceInterval);
        command.Validators.Add(static result =>
        {
            var defaults = new DiscoveryOptions();
            var purge = Given(result, PurgeAfter) ?? defaults.PurgeAfter;
            var longest = (Given(result, AnnounceInterval) ?? defaults.AnnounceInterval) * (1 + defaults.AnnounceJitter);
            if (purge <= longest)
            {
                result.AddError(
                    $"--purge-after {DurationText.Of(purge)} is too short: nodes announce themselves up to {DurationText.Of(longest)} "
                    + "apart; give a shorter --announce-interval, to all nodes");
            }
        });
    }

    public static void NotEmpty(OptionResult result)
    {
        if (result.Tokens is [{ Value: "" }])
            result.AddError($"{result.Option.Name} must not be empty");
    }

    /// <summary>An option that takes a duration; null if it is not given.</summary>
    public static Option<TimeSpan?> Duration(string name, string description) => new(name)
    {
        HelpName = "DURATION",
        Description = description,
        CustomParser = ParseDuration,
    };

    /// <summary>
    /// A duration, unless it is missing or wrong, which is told elsewhere; reading a wrong value throws.
    /// </summary>
    public static TimeSpan? Given(CommandResult result, Option<TimeSpan?> option) =>
        result.GetResult(option)?.Tokens is [var token] && DurationText.TryParse(token.Value, out var duration) ? duration : null;

    public static EndpointAddress[] ParsePeers(ArgumentResult result, Func<string, IEnumerable<string>> split)
    {
        var peers = new List<EndpointAddress>();
        foreach (var text in result.Tokens.SelectMany(token => split(token.Value)))
        {
            if (EndpointAddress.TryParse(text, out var peer, out var problem))
                peers.Add(peer);
            else
                result.AddError($"{((OptionResult)result.Parent!).Option.Name} takes {PeerForm}: {problem}");
        }

        return [.. peers];
    }

    private static TimeSpan? ParseDuration(ArgumentResult result)
    {
        var text = result.Tokens[0].Value; // one is required
        if (DurationText.TryParse(text, out var duration))
            return duration;
        result.AddError($"{((OptionResult)result.Parent!).IdentifierToken} takes a duration like 20s or 500ms, not '{text}'");
        return null;
    }

    private static IPEndPoint[] ParseEndPoints(ArgumentResult result)
    {
        var endPoints = new List<IPEndPoint>();
        foreach (var token in result.Tokens)
        {
            if (IPEndPoint.TryParse(token.Value, out var endPoint))
                endPoints.Add(endPoint);
            else
                result.AddError($"--listen '{token.Value}' is not IP:PORT");
        }

        return [.. endPoints];
    }
}
