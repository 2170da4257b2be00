using System.Buffers;
using System.CommandLine;
using System.IO.Pipelines;
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

    public static Command Create()
    {
        var command = new Command("pub", "Publishes the lines of stdin to all subscribers of a stream.") { WaitFor };
        command.Options.Add(NodeOptions.Stream);
        NodeOptions.AddTo(command);
        command.SetAction((parsed, cancellation) => Node.RunAsync(parsed, PublishAsync, cancellation));
        return command;
    }

    private static async Task<int> PublishAsync(Node node, CancellationToken cancellation)
    {
        // Bytes and text look the same on the wire, so lines pass as they are, whatever their encoding.
        // Every subscriber gets every line: the slowest one sets the pace, a dead one is dropped.
        await using var producer = node.Network.Streams.Produce<byte[]>(
            new ProducerOptions<byte[]> { StreamId = node.Stream, Lagging = LagPolicy.SlowProducer });
        await node.ContactPeersAsync(cancellation).ConfigureAwait(false);
        await producer.When.Subscribed().AtLeast(node.Parsed.GetValue(WaitFor)).WaitAsync(cancellation).ConfigureAwait(false);

        var sent = 0L;
        var input = PipeReader.Create(Console.OpenStandardInput(), new StreamPipeReaderOptions(bufferSize: 64 * 1024));
        while (true)
        {
            // A read of a terminal or pipe cannot be cancelled; Ctrl+C leaves it behind, and it ends with the process.
            var read = await input.ReadAsync(CancellationToken.None).AsTask().WaitAsync(cancellation).ConfigureAwait(false);
            var buffer = read.Buffer;
            while (TryReadLine(ref buffer, read.IsCompleted, out var line))
            {
                await producer.WriteAsync(line, cancellation).ConfigureAwait(false);
                sent++;
            }

            if (buffer.Length > MaxLineBytes)
                throw new ToolException($"a line of stdin is longer than {MaxLineBytes} bytes; split it first");
            input.AdvanceTo(buffer.Start, buffer.End);
            if (read.IsCompleted)
                break;
        }

        await producer.FlushAsync(cancellation).ConfigureAwait(false);
        if (node.Json)
            Console.WriteLine(JsonLine.Of(("sent", sent)));
        return ExitCode.Success;
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
