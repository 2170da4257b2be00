using System.CommandLine;
using System.Net;
using Microsoft.Extensions.Logging;
using Mosaik.Cli.Commands;
using Mosaik.Discovery;
using Mosaik.Primitives;

namespace Mosaik.Cli;

/// <summary>What a command's options say about its node.</summary>
internal sealed record NodeSettings
{
    /// <summary>The network.</summary>
    public required NetworkId Network { get; init; }

    /// <summary>The identity as text; null = a new key.</summary>
    public string? Secret { get; init; }

    /// <summary>Addresses to bind.</summary>
    public IReadOnlyList<IPEndPoint> Listen { get; init; } = [];

    /// <summary>How it finds its peers.</summary>
    public DiscoveryOptions Discovery { get; init; } = new();

    /// <summary>The least severe lines on stderr.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Warning;

    /// <summary>Categories of which only warnings are shown.</summary>
    public IReadOnlyList<string> Quieter { get; init; } = [];

    /// <summary>Whether its own address is printed at the start.</summary>
    public bool ShowsAddress { get; init; } = true;

    /// <summary>The settings of a command that has the options of <see cref="NodeOptions.AddTo"/>.</summary>
    public static NodeSettings Of(ParseResult parsed) => new()
    {
        Network = NetworkId.From(parsed.GetRequiredValue(NodeOptions.Network)),
        Secret = parsed.GetValue(NodeOptions.Secret),
        Listen = parsed.GetValue(NodeOptions.Listen) ?? [],
        Discovery = DiscoveryOf(parsed) with { Tags = [.. (parsed.GetValue(NodeOptions.Tags) ?? []).Select(Tag.From)] },
        LogLevel = parsed.GetValue(NodeOptions.Verbose) ? LogLevel.Debug : LogLevel.Warning,
    };

    /// <summary>The intervals that were given.</summary>
    public static DiscoveryOptions DiscoveryOf(ParseResult parsed)
    {
        var options = new DiscoveryOptions();
        return options with
        {
            PurgeAfter = parsed.GetValue(NodeOptions.PurgeAfter) ?? options.PurgeAfter,
            AnnounceInterval = parsed.GetValue(NodeOptions.AnnounceInterval) ?? options.AnnounceInterval,
        };
    }
}
