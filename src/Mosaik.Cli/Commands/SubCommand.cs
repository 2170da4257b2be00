using System.CommandLine;
using System.Text;
using Mosaik.Streams;

namespace Mosaik.Cli.Commands;

/// <summary><c>mosaik sub</c>: every datum of a stream becomes a line of stdout.</summary>
internal static class SubCommand
{
    private static readonly Option<long?> Count = new("--count", "-c")
    {
        Description = "Ends after so many lines. Default: never.",
        Validators =
        {
            result =>
            {
                if (result.Tokens is [var token] && !(long.TryParse(token.Value, out var n) && n >= 1))
                    result.AddError($"--count takes a number of lines, at least 1, not '{token.Value}'");
            },
        },
    };

    private static readonly Option<int> Queue = StreamOptions.Number(
        "--queue", "How many lines may wait to be written. Default: 1024.", 1024, 1);

    private static readonly Option<bool> DropOldest = new("--drop-oldest")
    {
        Description = "While so many wait the oldest make room, instead of slowing the publishers down.",
    };

    private static readonly Option<string[]> Equal = new("--equal")
    {
        Description = "Only lines with this text. May be given several times: one of them.",
        DefaultValueFactory = _ => [],
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
    };

    private static readonly Option<string?> From = new("--from")
    {
        Description = "Only lines that do not sort before this text, by the numbers of their characters.",
    };

    private static readonly Option<string?> To = new("--to")
    {
        Description = "Only lines that do not sort behind this text.",
    };

    public static Command Create()
    {
        var command = new Command("sub", "Writes the lines of a stream, from all its publishers, to stdout.")
        {
            Count, Queue, DropOldest, Equal, From, To,
        };
        StreamOptions.AddTo(command);
        command.Validators.Add(static result =>
        {
            // Reading a value that is wrong otherwise would throw.
            var values = result.GetResult(Equal)?.Tokens.Count ?? 0;
            if (values > Criteria.MaxValues)
                result.AddError($"--equal can be given {Criteria.MaxValues} times at most");
        });
        command.SetAction((parsed, cancellation) => Node.RunAsync(parsed, SubscribeAsync, cancellation));
        return command;
    }

    private static Task<int> SubscribeAsync(Node node, CancellationToken cancellation)
    {
        var criteria = CriteriaOf(node.Parsed);

        // Only text can be compared; without criteria a line passes as it is, whatever its encoding.
        return criteria.MatchesAll
            ? SubscribeAsync(node, OptionsOf<byte[]>(node), static line => line, cancellation)
            : SubscribeAsync(
                node, OptionsOf<string>(node) with { Criteria = criteria }, static line => Encoding.UTF8.GetBytes(line), cancellation);
    }

    private static ConsumerOptions<T> OptionsOf<T>(Node node) => new()
    {
        StreamId = node.Stream,
        QueueSize = node.Parsed.GetValue(Queue),
        QueueFullMode = node.Parsed.GetValue(DropOldest) ? QueueFullMode.DropOldest : QueueFullMode.Wait,
        SubscribeIf = StreamOptions.RuleOf(node.Parsed),
        SkipUndecodable = true, // as text: a line that is none cannot be what was asked for
    };

    private static Criteria CriteriaOf(ParseResult parsed)
    {
        var criteria = Criteria.Default;
        try
        {
            if (parsed.GetValue(Equal) is { Length: > 0 } equal)
                criteria = criteria.WhereEqual<string>("", equal);
            if (parsed.GetValue(From) is { } from)
                criteria = criteria.WhereAtLeast("", from);
            if (parsed.GetValue(To) is { } to)
                criteria = criteria.WhereAtMost("", to);
            return criteria;
        }
        catch (ArgumentException tooLong)
        {
            throw new ToolException($"--equal, --from and --to ask for too much: {tooLong.Message}");
        }
    }

    private static async Task<int> SubscribeAsync<T>(
        Node node, ConsumerOptions<T> options, Func<T, byte[]> write, CancellationToken cancellation)
    {
        await using var consumer = node.Network.Streams.Consume(options);
        await node.ContactPeersAsync(cancellation).ConfigureAwait(false);

        var left = node.Parsed.GetValue(Count) ?? long.MaxValue;
        await using var output = new BufferedStream(Console.OpenStandardOutput(), 64 * 1024);
        try
        {
            while (left > 0 && await consumer.WaitToReadAsync(cancellation).ConfigureAwait(false))
            {
                while (left > 0 && consumer.TryRead(out var datum))
                {
                    var line = write(datum);
                    output.Write(node.Json ? Encoding.UTF8.GetBytes(JsonLine.Of(("line", Encoding.UTF8.GetString(line)))) : line);
                    output.WriteByte((byte)'\n');
                    left--;
                }

                // What has arrived is shown at once; only a full queue is written in larger pieces.
                await output.FlushAsync(cancellation).ConfigureAwait(false);
            }
        }
        finally
        {
            if (node.Parsed.GetValue(StreamOptions.Stats))
                await StreamOptions.WriteStatsAsync("received", consumer.Datums, consumer.Producers, static c => c.ProducerId).ConfigureAwait(false);
        }

        return ExitCode.Success;
    }
}
