using Microsoft.Extensions.Logging;
using Mosaik.Primitives;

namespace Mosaik.Cli.Commands;

/// <summary>What a bootstrap node tells at its start (spec/cli-metrics.md §3.2).</summary>
internal static partial class BootstrapLog
{
    [LoggerMessage(9001, LogLevel.Information, "Bootstrap node started")]
    public static partial void Started(ILogger logger);

    [LoggerMessage(9002, LogLevel.Information, "Public id: {Id}")]
    public static partial void PublicId(ILogger logger, PeerId id);

    [LoggerMessage(9003, LogLevel.Information, "Network id: {Network}")]
    public static partial void Network(ILogger logger, NetworkId network);

    [LoggerMessage(9004, LogLevel.Information, "Tags: {Tags}")]
    public static partial void Tags(ILogger logger, string tags);

    [LoggerMessage(9005, LogLevel.Information, "Bootstrap peers: {Peers}")]
    public static partial void Peers(ILogger logger, string peers);

    [LoggerMessage(9006, LogLevel.Information, "Addresses: {Addresses}")]
    public static partial void Addresses(ILogger logger, string addresses);

    [LoggerMessage(9007, LogLevel.Information, "Relays: {Relays}")]
    public static partial void Relays(ILogger logger, string relays);

    [LoggerMessage(9008, LogLevel.Warning, "No secret given: the key is random, and the address changes with every start")]
    public static partial void RandomKey(ILogger logger);

    [LoggerMessage(9009, LogLevel.Warning, "No network id given: it is random, and only nodes that are told it can join")]
    public static partial void RandomNetwork(ILogger logger);
}
