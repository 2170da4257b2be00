using System.CommandLine;
using Microsoft.Extensions.Logging;
using Mosaik.Cli.Commands;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Cli;

/// <summary>
/// The node that a command runs on: started from the options, left gracefully, its failures told in one line.
/// </summary>
internal sealed class Node
{
    private Node(Network network, ILoggerFactory logging, ParseResult parsed)
    {
        Network = network;
        Logging = logging;
        Parsed = parsed;
    }

    public Network Network { get; }

    public ILoggerFactory Logging { get; }

    public ParseResult Parsed { get; }

    public StreamId Stream => Parsed.GetRequiredValue(NodeOptions.Stream);

    public bool Json => Parsed.GetValue(NodeOptions.Json);

    /// <summary>Starts the node, prints its address on stderr, runs the command, leaves.</summary>
    public static async Task<int> RunAsync(
        ParseResult parsed,
        NodeSettings settings,
        Func<Node, CancellationToken, Task<int>> command,
        CancellationToken cancellation)
    {
        try
        {
            using var logging = Cli.Logging.Create(settings.LogLevel, settings.Quieter);
            var options = new NetworkOptions
            {
                SecretKey = settings.Secret is { } secret ? SecretKey.FromText(secret) : null,
                BindAddresses = settings.Listen,
                Discovery = settings.Discovery,
                Relay = RelayMode.Disabled,
                AllowKeyLogFromEnvironment = true,
                LoggerFactory = logging,
            };
            await using var network = await Network.StartAsync(settings.Network, options, cancellation).ConfigureAwait(false);
            if (settings.ShowsAddress)
                await Console.Error.WriteLineAsync(PeerText.Of(network.Local.Address)).ConfigureAwait(false);
            var node = new Node(network, logging, parsed);
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

    /// <inheritdoc cref="RunAsync(ParseResult, NodeSettings, Func{Node, CancellationToken, Task{int}}, CancellationToken)"/>
    public static Task<int> RunAsync(
        ParseResult parsed, Func<Node, CancellationToken, Task<int>> command, CancellationToken cancellation) =>
        RunAsync(parsed, NodeSettings.Of(parsed), command, cancellation);

    /// <summary>
    /// Makes the peers of the command line known, in the background; an unreachable one is tried again.
    /// </summary>
    public async Task ContactPeersAsync(CancellationToken cancellation)
    {
        var peers = Parsed.GetValue(NodeOptions.Peers) ?? [];
        if (peers.Length > 0)
            await Network.Discovery.DialAsync(peers, cancellation).ConfigureAwait(false);
    }
}
