using System.CommandLine;
using System.Globalization;
using System.Numerics;
using Mosaik.Discovery;
using Mosaik.Primitives;
using Mosaik.Streams;

namespace Mosaik.Cli.Commands;

/// <summary>The options that <c>pub</c> and <c>sub</c> share, and what they have to say at their end.</summary>
internal static class StreamOptions
{
    public static readonly Option<string[]> PeerTags = new("--peer-tag")
    {
        Description = "Takes part only with peers that have this tag. May be given several times: all are needed.",
        DefaultValueFactory = _ => [],
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
        Validators = { NodeOptions.NotEmpty },
    };

    public static readonly Option<bool> Stats = new("--stats")
    {
        Description = "Tells on stderr at the end what has passed, in all and per peer that is still connected.",
    };

    /// <summary>Adds them to a command, with those of its node, but for network and stream, which come first.</summary>
    public static void AddTo(Command command)
    {
        command.Options.Add(PeerTags);
        command.Options.Add(Stats);
        NodeOptions.AddTo(command);
    }

    /// <summary>An option that takes a whole number within bounds; null if it is not given.</summary>
    public static Option<T?> Number<T>(string name, string description, T least, T? most = null, params string[] aliases)
        where T : struct, IBinaryInteger<T>
    {
        var option = new Option<T?>(name, aliases) { HelpName = "N", Description = description };
        option.Validators.Add(result =>
        {
            if (result.Tokens is not [var token]
                || (T.TryParse(token.Value, NumberStyles.Integer, CultureInfo.InvariantCulture, out var n)
                    && n >= least && !(n > most)))
                return;
            var range = most is { } limit
                ? string.Create(CultureInfo.InvariantCulture, $"from {least} to {limit}")
                : string.Create(CultureInfo.InvariantCulture, $"of at least {least}");
            result.AddError($"{name} takes a number {range}, not '{token.Value}'");
        });
        return option;
    }

    /// <summary>The rule that <see cref="PeerTags"/> makes; null for none.</summary>
    public static Func<PeerInfo, bool>? RuleOf(ParseResult parsed)
    {
        var tags = (parsed.GetValue(PeerTags) ?? []).Select(Tag.From).ToArray();
        return tags.Length == 0 ? null : peer => tags.All(tag => peer.Tags.Contains(tag));
    }

    /// <summary>What has passed, in all and through the channels that there still are.</summary>
    public static async ValueTask WriteStatsAsync(
        string total, IEnumerable<ChannelInfo> channels, Func<ChannelInfo, PeerId> peerOf)
    {
        await Console.Error.WriteLineAsync(total).ConfigureAwait(false);
        foreach (var channel in channels)
        {
            var missed = channel.Dropped > 0
                ? string.Create(CultureInfo.InvariantCulture, $", missed: {channel.Dropped}")
                : "";
            await Console.Error.WriteLineAsync($"{peerOf(channel):S} {channel.State}: {channel.Stats}{missed}").ConfigureAwait(false);
        }
    }
}
