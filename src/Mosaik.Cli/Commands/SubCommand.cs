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

    public static Command Create()
    {
        var command = new Command("sub", "Writes the lines of a stream, from all its publishers, to stdout.") { Count };
        command.Options.Add(NodeOptions.Stream);
        NodeOptions.AddTo(command);
        command.SetAction((parsed, cancellation) => Node.RunAsync(parsed, SubscribeAsync, cancellation));
        return command;
    }

    private static async Task<int> SubscribeAsync(Node node, CancellationToken cancellation)
    {
        await using var consumer = node.Network.Streams.Consume<byte[]>(new ConsumerOptions<byte[]> { StreamId = node.Stream });
        await node.ContactPeersAsync(cancellation).ConfigureAwait(false);

        var left = node.Parsed.GetValue(Count) ?? long.MaxValue;
        await using var output = new BufferedStream(Console.OpenStandardOutput(), 64 * 1024);
        while (left > 0 && await consumer.WaitToReadAsync(cancellation).ConfigureAwait(false))
        {
            while (left > 0 && consumer.TryRead(out var line))
            {
                if (node.Json)
                    output.Write(Encoding.UTF8.GetBytes(JsonLine.Of(("line", Encoding.UTF8.GetString(line)))));
                else
                    output.Write(line);
                output.WriteByte((byte)'\n');
                left--;
            }

            // What has arrived is shown at once; only a full queue is written in larger pieces.
            await output.FlushAsync(cancellation).ConfigureAwait(false);
        }

        return ExitCode.Success;
    }
}
