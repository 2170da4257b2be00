using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;
using Mosaik.Primitives;

namespace Mosaik.Cli.Commands;

/// <summary>The options that every command with a node has, and the node they describe.</summary>
internal static class NodeOptions
{
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
        Description = "A member to contact at start: ID@IP:PORT. May be given several times.",
        CustomParser = ParsePeers,
        DefaultValueFactory = _ => [],
        AllowMultipleArgumentsPerToken = false,
        Arity = ArgumentArity.OneOrMore,
    };

    public static readonly Option<IPEndPoint[]> Listen = new("--listen", "-l")
    {
        Description = "An address to bind, IP:PORT; default: all interfaces, any port. May be given several times.",
        CustomParser = ParseEndPoints,
        DefaultValueFactory = _ => [],
        Arity = ArgumentArity.OneOrMore,
    };

    public static readonly Option<string?> Secret = new("--secret", "-s")
    {
        Description = "The node's identity: 64 hexadecimal digits are the key, any other text is hashed into one. Default: a new key.",
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

    /// <summary>Adds the options of a node to a command.</summary>
    public static void AddTo(Command command)
    {
        foreach (Option option in (Option[])[Network, Stream, Peers, Listen, Secret, Json, Verbose])
            command.Options.Add(option);
    }

    private static void NotEmpty(OptionResult result)
    {
        if (result.Tokens is [{ Value: "" }])
            result.AddError($"{result.Option.Name} must not be empty");
    }

    private static EndpointAddress[] ParsePeers(ArgumentResult result)
    {
        var peers = new List<EndpointAddress>();
        foreach (var token in result.Tokens)
        {
            if (EndpointAddress.TryParse(token.Value, out var peer, out var problem))
                peers.Add(peer);
            else
                result.AddError($"--peer takes ID@IP:PORT: {problem}");
        }

        return [.. peers];
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
