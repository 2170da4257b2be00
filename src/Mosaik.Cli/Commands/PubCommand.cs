using System.Buffers;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Threading.Channels;
using Mosaik.Streams;

namespace Mosaik.Cli.Commands;

/// <summary><c>mosaik pub</c>: every line of stdin becomes a datum of a stream.</summary>
internal static class PubCommand
{
    // A line is a datum; a longer one would be refused anyway, so it is not collected first.
    private const int MaxLineBytes = 64 * 1024 * 1024;

    private static readonly Option<int?> WaitFor = StreamOptions.Number<int>(
        "--wait-for", "Starts when so many subscribers are connected. Default: 1.", 1, null, "-w");

    private static readonly Option<LagPolicy?> Lagging = new("--lagging")
    {
        HelpName = "slow|disconnect|skip",
        Description = "What becomes of a subscriber that cannot keep up: 'slow' slows this command down, so that all get "
            + "everything; 'disconnect' ends its subscription; 'skip' lets it miss lines. Default: slow.",
        CustomParser = ParseLagging,
    };

    private static readonly Option<int?> Buffer = StreamOptions.Number<int>(
        "--buffer", "How many lines a subscriber may be behind before that happens. Default: 1024.", 1);

    private static readonly Option<long?> BufferBytes = StreamOptions.Number<long>(
        "--buffer-bytes", "How many bytes it may be behind. Default: 67108864.", 1);

    private static readonly Option<int?> MaxSubscribers = StreamOptions.Number<int>(
        "--max-subscribers", "How many may subscribe at once; others are refused and ask again. Default: any number.", 1);

    private static readonly Option<TimeSpan?> Stall = NodeOptions.Duration(
        "--stall", "After how long without progress a subscriber that holds up this command is disconnected. Default: 5s.");

    private static readonly Option<bool> Text = new("--text")
    {
        Description = "Lines are UTF-8 text. Subscribers that ask for some of them (sub --equal, --from, --to) are then "
            + "sent only those.",
    };

    public static Command Create()
    {
        var command = new Command("pub", "Publishes the lines of stdin to all subscribers of a stream.")
        {
            NodeOptions.Network, NodeOptions.Stream, WaitFor, Lagging, Buffer, BufferBytes, MaxSubscribers, Stall, Text,
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

    private static LagPolicy? ParseLagging(ArgumentResult result)
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
                return null;
        }
    }

    private static ProducerOptions<T> OptionsOf<T>(Node node, ChannelWriter<T> undelivered)
    {
        var (parsed, byDefault) = (node.Parsed, new ProducerOptions<T>());
        return byDefault with
        {
            StreamId = node.Stream,
            Lagging = parsed.GetValue(Lagging) ?? LagPolicy.SlowProducer,
            BufferSize = parsed.GetValue(Buffer) ?? byDefault.BufferSize,
            MaxBufferedBytes = parsed.GetValue(BufferBytes) ?? byDefault.MaxBufferedBytes,
            MaxConsumers = parsed.GetValue(MaxSubscribers) ?? byDefault.MaxConsumers,
            StallTimeout = parsed.GetValue(Stall) ?? byDefault.StallTimeout,
            AcceptIf = StreamOptions.RuleOf(parsed),
            UndeliveredSink = undelivered,
        };
    }

    private static async Task<int> PublishAsync<T>(Node node, Func<byte[], T> read, CancellationToken cancellation)
    {
        var unwanted = new Tally<T>();
        await using var producer = node.Network.Streams.Produce(OptionsOf(node, unwanted));
        await node.ContactPeersAsync(cancellation).ConfigureAwait(false);
        await producer.When.Subscribed().AtLeast(node.Parsed.GetValue(WaitFor) ?? 1).WaitAsync(cancellation).ConfigureAwait(false);

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
            {
                var total = string.Create(
                    CultureInfo.InvariantCulture, $"sent: {sent} lines, {unwanted.Count} of them wanted by nobody");
                await StreamOptions.WriteStatsAsync(total, producer.Consumers, static c => c.ConsumerId).ConfigureAwait(false);
            }
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

    /// <summary>Counts what was for nobody.</summary>
    private sealed class Tally<T> : ChannelWriter<T>
    {
        private long _count;

        public long Count => Volatile.Read(ref _count);

        public override bool TryWrite(T item)
        {
            Interlocked.Increment(ref _count);
            return true;
        }

        public override ValueTask<bool> WaitToWriteAsync(CancellationToken cancellationToken = default) => new(true);
    }
}
