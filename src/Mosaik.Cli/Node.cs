using System.CommandLine;
using Mosaik.Cli.Commands;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Cli;

/// <summary>The node that a command runs on: started from the options, left gracefully, its failures told in one line.</summary>
internal sealed class Node
{
    private Node(Network network, ParseResult parsed)
    {
        Network = network;
        Parsed = parsed;
    }

    public Network Network { get; }

    public ParseResult Parsed { get; }

    public StreamId Stream => Parsed.GetRequiredValue(NodeOptions.Stream);

    public bool Json => Parsed.GetValue(NodeOptions.Json);

    /// <summary>Starts the node, prints its address on stderr, runs the command, leaves.</summary>
    public static async Task<int> RunAsync(
        ParseResult parsed, Func<Node, CancellationToken, Task<int>> command, CancellationToken cancellation)
    {
        try
        {
            using var logging = Logging.Create(parsed.GetValue(NodeOptions.Verbose));
            var secret = parsed.GetValue(NodeOptions.Secret);
            var options = new NetworkOptions
            {
                SecretKey = secret is null ? null : SecretKey.FromText(secret),
                BindAddresses = [.. parsed.GetValue(NodeOptions.Listen) ?? []],
                Relay = RelayMode.Disabled,
                AllowKeyLogFromEnvironment = true,
                LoggerFactory = logging,
            };
            await using var network = await Network.StartAsync(
                parsed.GetRequiredValue(NodeOptions.Network), options, cancellation).ConfigureAwait(false);
            await Console.Error.WriteLineAsync(PeerText.Of(network.Local.Address)).ConfigureAwait(false);
            var node = new Node(network, parsed);
            return await command(node, cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return ExitCode.Success; // Ctrl+C or SIGTERM: the node has left gracefully
        }
        catch (Exception error) when (error is MosaikException or ToolException or IOException)
        {
            await Console.Error.WriteLineAsync($"mosaik: {error.Message}").ConfigureAwait(false);
            return ExitCode.Failure;
        }
    }

    /// <summary>Makes the peers of the command line known, in the background; an unreachable one is tried again.</summary>
    public async Task ContactPeersAsync(CancellationToken cancellation)
    {
        var peers = Parsed.GetValue(NodeOptions.Peers) ?? [];
        if (peers.Length > 0)
            await Network.Discovery.DialAsync(peers, cancellation).ConfigureAwait(false);
    }
}
