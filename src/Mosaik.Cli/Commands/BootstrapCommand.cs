using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;
using Microsoft.Extensions.Logging;
using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Cli.Commands;

/// <summary>
/// <c>mosaik bootstrap</c>: a node that does nothing but stay, so that others have a first peer to contact
/// (spec/cli-metrics.md §1.2, §3.2).
/// </summary>
internal static class BootstrapCommand
{
    public const string Name = "bootstrap";

    public static readonly Option<string?> Network = new("--network-id", "--network", "-n")
    {
        Description = "The network: 64 hexadecimal digits, or any text, which is hashed. Default: a random one.",
        Validators = { NodeOptions.NotEmpty },
    };

    public static readonly Option<EndpointAddress[]> Peers = new("--peers", "--peer", "-p")
    {
        HelpName = NodeOptions.PeerForm,
        Description = "Other members to contact at start; a bare ID does if others know its address. Several times, or separated "
            + "by commas.",
        CustomParser = static result => NodeOptions.ParsePeers(result, SplitPeers),
        DefaultValueFactory = _ => [],
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
    };

    public static readonly Option<string[]> Tags = new("--tags", "--tag", "-t")
    {
        Description = "Roles of this node, any text. Several times, or separated by commas.",
        DefaultValueFactory = _ => ["bootstrap"],
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
        Validators = { NodeOptions.NotEmpty },
    };

    public static readonly Option<bool> NoRelay = new("--no-relay")
    {
        Description = "No relay servers: the node must be directly reachable. There are none yet, so this is always so.",
    };

    public static readonly Option<bool> Verbose = new("--verbose", "-v")
    {
        Description = "Logs protocol steps on stderr; -vv logs every message.",
        Arity = ArgumentArity.Zero,
    };

    public static readonly Option<bool> Quiet = new("--quiet", "-q")
    {
        Description = "Prints nothing, the address neither; only errors that end the node. Not with -v.",
        Arity = ArgumentArity.Zero,
    };

    public static Command Create()
    {
        var command = new Command(
            Name, "Runs a node for others to contact first. Every option can also be set as MOSAIK_BOOTSTRAP_<OPTION>.")
        {
            NodeOptions.Secret, Network, Peers, Tags, NodeOptions.Listen, NoRelay, Verbose, Quiet,
        };
        NodeOptions.AddIntervalsTo(command);
        command.Validators.Add(static result =>
        {
            if (result.GetValue(Quiet) && Verbosity(result.GetResult(Verbose)) > 0)
                result.AddError("-q and -v exclude each other");
        });
        command.SetAction((parsed, cancellation) => Node.RunAsync(parsed, Settings(parsed), StayAsync, cancellation));
        return command;
    }

    private static NodeSettings Settings(ParseResult parsed)
    {
        var quiet = parsed.GetValue(Quiet);
        var verbosity = Verbosity(parsed.GetResult(Verbose));
        return new NodeSettings
        {
            Network = parsed.GetValue(Network) is { } network ? NetworkId.From(network) : RandomNetwork(),
            Secret = parsed.GetValue(NodeOptions.Secret),
            Listen = parsed.GetValue(NodeOptions.Listen) ?? [],
            Discovery = NodeSettings.DiscoveryOf(parsed) with
            {
                BootstrapPeers = [.. parsed.GetValue(Peers) ?? []],
                Tags = [.. Split(parsed.GetValue(Tags) ?? []).Select(Tag.From)],
            },
            LogLevel = quiet ? LogLevel.None : verbosity switch
            {
                0 => LogLevel.Information,
                1 => LogLevel.Debug,
                _ => LogLevel.Trace,
            },
            // The address comes first; what these would say before it is in the lines after it.
            Quieter = verbosity == 0 ? ["Mosaik.Quic", "Mosaik.Networking"] : [],
            ShowsAddress = !quiet,
        };
    }

    private static async Task<int> StayAsync(Node node, CancellationToken cancellation)
    {
        var (network, parsed, logger) = (node.Network, node.Parsed, node.Logging.CreateLogger("Mosaik.Bootstrap"));
        if (parsed.GetValue(NodeOptions.Secret) is null)
            BootstrapLog.RandomKey(logger);
        if (parsed.GetValue(Network) is null)
            BootstrapLog.RandomNetwork(logger);
        BootstrapLog.Started(logger);
        BootstrapLog.PublicId(logger, network.Local.Id);
        BootstrapLog.Network(logger, network.NetworkId);
        BootstrapLog.Tags(logger, Text(Split(parsed.GetValue(Tags) ?? []).Select(t => $"{t} = {Tag.From(t)}")));
        BootstrapLog.Peers(logger, Text((parsed.GetValue(Peers) ?? []).Select(static p => p.ToString())));
        BootstrapLog.Addresses(logger, Text(network.Local.Address.EndPoints.Select(static e => e.ToString())));
        BootstrapLog.Relays(logger, parsed.GetValue(NoRelay) ? "disabled" : "none in this version");
        await network.Completion.WaitAsync(cancellation).ConfigureAwait(false);
        return ExitCode.Success;
    }

    private static NetworkId RandomNetwork()
    {
        Span<byte> raw = stackalloc byte[UniqueId.Length];
        RandomSource.Cryptographic.Fill(raw);
        return NetworkId.FromRaw(raw);
    }

    /// <summary>How often -v was given; <c>-vv</c> counts twice.</summary>
    private static int Verbosity(OptionResult? verbose) => verbose?.IdentifierTokenCount ?? 0;

    private static string Text(IEnumerable<string> items) => string.Join(", ", items) is { Length: > 0 } text ? text : "none";

    private static IEnumerable<string> Split(IEnumerable<string> items) =>
        items.SelectMany(static i => i.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));

    /// <summary>
    /// Peers separated by commas, of which each may itself have several addresses separated by commas.
    /// </summary>
    private static List<string> SplitPeers(string text)
    {
        var peers = new List<string>();
        foreach (var part in Split([text]))
        {
            if (peers.Count > 0 && !part.Contains('@', StringComparison.Ordinal) && IPEndPoint.TryParse(part, out _))
                peers[^1] += "," + part;
            else
                peers.Add(part);
        }

        return peers;
    }
}
