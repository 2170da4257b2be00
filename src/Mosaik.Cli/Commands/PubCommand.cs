using System.Buffers;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.IO.Pipelines;
using System.Text;
using Mosaik.Streams;

namespace Mosaik.Cli.Commands;

/// <summary><c>mosaik pub</c>: every line of stdin becomes a datum of a stream.</summary>
internal static class PubCommand
{
    // A line is a datum; a longer one would be refused anyway, so it is not collected first.
    private const int MaxLineBytes = 64 * 1024 * 1024;

    private static readonly Option<int> WaitFor = new("--wait-for", "-w")
    {
        Description = "Starts when so many subscribers are connected.",
        DefaultValueFactory = _ => 1,
        Validators =
        {
            result =>
            {
                if (result.Tokens is [var token] && !(int.TryParse(token.Value, out var n) && n >= 1))
                    result.AddError($"--wait-for takes a number of subscribers, at least 1, not '{token.Value}'");
            },
        },
    };

    private static readonly Option<LagPolicy> Lagging = new("--lagging")
    {
        Description = "What becomes of a subscriber that cannot keep up: 'slow' slows this command down, so that all get "
            + "everything; 'disconnect' ends its subscription; 'skip' lets it miss lines. Default: slow.",
        CustomParser = ParseLagging,
        DefaultValueFactory = _ => LagPolicy.SlowProducer,
    };

    private static readonly Option<int> Buffer = StreamOptions.Number(
        "--buffer", "How many lines a subscriber may be behind before that happens. Default: 1024.", 1024, 1);

    private static readonly Option<int> MaxSubscribers = StreamOptions.Number(
        "--max-subscribers", "How many may subscribe at once; others are refused and ask again. Default: any number.", int.MaxValue, 1);

    private static readonly Option<TimeSpan?> Stall = new("--stall")
    {
        Description = "After how long without progress a subscriber that holds up this command is disconnected. Default: 5s.",
        CustomParser = NodeOptions.ParseDuration,
    };

    private static readonly Option<bool> Text = new("--text")
    {
        Description = "Lines are UTF-8 text. Subscribers that ask for some of them (sub --equal, --from, --to) are then sent only those.",
    };

    public static Command Create()
    {
        var command = new Command("pub", "Publishes the lines of stdin to all subscribers of a stream.")
        {
            WaitFor, Lagging, Buffer, MaxSubscribers, Stall, Text,
        };
        StreamOptions.AddTo(command);
        command.SetAction((parsed, cancellation) => Node.RunAsync(
            parsed,
            // Bytes and text look the same on the wire, so lines pass as they are, whatever their encoding.
            parsed.GetValue(Text)
                ? static (node, token) => PublishAsync(node, static line => Encoding.UTF8.GetString(line), token)
                : static (node, token) => PublishAsync(node, static line => line, token),
            cancellation));
        return command;
    }

    private static LagPolicy ParseLagging(ArgumentResult result)
    {
        switch (result.Tokens[0].Value) // one is required
        {
            case "slow":
                return LagPolicy.SlowProducer;
            case "disconnect":
                return LagPolicy.Disconnect;
            case "skip":
                return LagPolicy.Skip;
            case var other:
                result.AddError($"--lagging takes slow, disconnect or skip, not '{other}'");
                return default;
        }
    }

    private static ProducerOptions<T> OptionsOf<T>(Node node)
    {
        var options = new ProducerOptions<T>
        {
            StreamId = node.Stream,
            Lagging = node.Parsed.GetValue(Lagging),
            BufferSize = node.Parsed.GetValue(Buffer),
            MaxConsumers = node.Parsed.GetValue(MaxSubscribers),
            AcceptIf = StreamOptions.RuleOf(node.Parsed),
        };
        return options with { StallTimeout = node.Parsed.GetValue(Stall) ?? options.StallTimeout };
    }

    private static async Task<int> PublishAsync<T>(Node node, Func<byte[], T> read, CancellationToken cancellation)
    {
        await using var producer = node.Network.Streams.Produce(OptionsOf<T>(node));
        await node.ContactPeersAsync(cancellation).ConfigureAwait(false);
        await producer.When.Subscribed().AtLeast(node.Parsed.GetValue(WaitFor)).WaitAsync(cancellation).ConfigureAwait(false);

        var sent = 0L;
        try
        {
            await foreach (var line in ReadLinesAsync(cancellation).ConfigureAwait(false))
            {
                await producer.WriteAsync(read(line), cancellation).ConfigureAwait(false);
                sent++;
            }

            await producer.FlushAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            if (node.Parsed.GetValue(StreamOptions.Stats))
                await StreamOptions.WriteStatsAsync("sent", sent, producer.Consumers, static c => c.ConsumerId).ConfigureAwait(false);
        }

        if (node.Json)
            Console.WriteLine(JsonLine.Of(("sent", sent)));
        return ExitCode.Success;
    }

    private static async IAsyncEnumerable<byte[]> ReadLinesAsync(
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        var input = PipeReader.Create(Console.OpenStandardInput(), new StreamPipeReaderOptions(bufferSize: 64 * 1024));
        while (true)
        {
            // A read of a terminal or pipe cannot be cancelled; Ctrl+C leaves it behind, and it ends with the process.
            var read = await input.ReadAsync(CancellationToken.None).AsTask().WaitAsync(cancellation).ConfigureAwait(false);
            var buffer = read.Buffer;
            while (TryReadLine(ref buffer, read.IsCompleted, out var line))
                yield return line;
            if (buffer.Length > MaxLineBytes)
                throw new ToolException($"a line of stdin is longer than {MaxLineBytes} bytes; split it first");
            input.AdvanceTo(buffer.Start, buffer.End);
            if (read.IsCompleted)
                yield break;
        }
    }

    /// <summary>Cuts a line off, without its newline; at the end of the input also one that has none.</summary>
    private static bool TryReadLine(ref ReadOnlySequence<byte> buffer, bool atEnd, out byte[] line)
    {
        if (buffer.PositionOf((byte)'\n') is { } end)
        {
            line = buffer.Slice(0, end).ToArray();
            buffer = buffer.Slice(buffer.GetPosition(1, end));
            return true;
        }

        line = atEnd ? buffer.ToArray() : [];
        if (!atEnd || buffer.IsEmpty)
            return false;
        buffer = buffer.Slice(buffer.End);
        return true;
    }
}
