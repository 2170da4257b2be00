using System.CommandLine;
using System.Globalization;
using System.Text;
using Mosaik.Primitives;
using Mosaik.Streams;

namespace Mosaik.Cli.Commands;

/// <summary><c>mosaik sub</c>: every datum of a stream becomes a line of stdout.</summary>
internal static class SubCommand
{
    private static readonly Option<long?> Count = StreamOptions.Number<long>(
        "--count", "Ends after so many lines. Default: never.", 1, null, "-c");

    private static readonly Option<int?> Queue = StreamOptions.Number<int>(
        "--queue", "How many lines may wait to be written. Default: 1024.", 1);

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

    private static readonly Option<TimeSpan?> FirstBackoff = NodeOptions.Duration(
        "--backoff", "How long after a lost connection the publisher is asked again; grows by half each time. Default: 500ms.");

    private static readonly Option<TimeSpan?> LongestBackoff = NodeOptions.Duration(
        "--max-backoff", "How long that can become. Default: 60s.");

    public static Command Create()
    {
        var command = new Command("sub", "Writes the lines of a stream, from all its publishers, to stdout.")
        {
            NodeOptions.Network, NodeOptions.Stream, Count, Queue, DropOldest, Equal, From, To, FirstBackoff, LongestBackoff,
        };
        StreamOptions.AddTo(command);
        command.Validators.Add(static result =>
        {
            // Reading a value that is wrong otherwise would throw.
            var values = result.GetResult(Equal)?.Tokens.Count ?? 0;
            if (values > Criteria.MaxValues)
                result.AddError($"--equal can be given {Criteria.MaxValues} times at most");
            var usual = new ExponentialBackoff();
            if ((NodeOptions.Given(result, LongestBackoff) ?? usual.Cap) < (NodeOptions.Given(result, FirstBackoff) ?? usual.Initial))
                result.AddError("--max-backoff must not be less than --backoff");
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

    private static ConsumerOptions<T> OptionsOf<T>(Node node)
    {
        var (parsed, byDefault, usual) = (node.Parsed, new ConsumerOptions<T>(), new ExponentialBackoff());
        var first = parsed.GetValue(FirstBackoff) ?? usual.Initial;
        var longest = parsed.GetValue(LongestBackoff) ?? usual.Cap;
        return byDefault with
        {
            StreamId = node.Stream,
            QueueSize = parsed.GetValue(Queue) ?? byDefault.QueueSize,
            QueueFullMode = parsed.GetValue(DropOldest) ? QueueFullMode.DropOldest : QueueFullMode.Wait,
            SubscribeIf = StreamOptions.RuleOf(parsed),
            SkipUndecodable = true, // as text: a line that is none cannot be what was asked for
            Backoff = () => new ExponentialBackoff { Initial = first, Cap = longest },
        };
    }

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
            {
                var total = string.Create(CultureInfo.InvariantCulture, $"received: {consumer.Datums} lines");
                await StreamOptions.WriteStatsAsync(total, consumer.Producers, static c => c.ProducerId).ConfigureAwait(false);
            }
        }

        return ExitCode.Success;
    }
}
