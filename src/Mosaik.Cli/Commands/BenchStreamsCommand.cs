using System.CommandLine;
using System.Diagnostics;
using System.Net;
using Mosaik.Cli.Bench;
using Mosaik.Primitives;
using Mosaik.Streams;

namespace Mosaik.Cli.Commands;

/// <summary><c>mosaik bench streams</c>: what a stream carries between two processes.</summary>
internal static class BenchStreamsCommand
{
    private const int DefaultSize = 64;
    private const string DefaultNetwork = "mosaik-bench";
    private static readonly TimeSpan DefaultDuration = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly StreamId Stream = "mosaik-bench";

    private static readonly Option<int?> Size = StreamOptions.Number<int>(
        "--size", "Bytes of a datum. Default: 64.", BenchDatum.MinLength, 16 * 1024 * 1024);

    private static readonly Option<int?> Rate = StreamOptions.Number<int>(
        "--rate", "Datums per second of a schedule. Default: as many as the receiver takes.", 1, 1_000_000);

    private static readonly Option<TimeSpan?> Duration = NodeOptions.Duration("--duration", "How long to measure. Default: 5s.");

    private static readonly Option<bool> Receive = new("--receive")
    {
        Description = "Receives one run from a sender elsewhere, and tells what arrived.",
    };

    private static readonly Option<string> Network = new("--network", "-n")
    {
        Description = "The network of sender and receiver.",
        DefaultValueFactory = _ => DefaultNetwork,
        Validators = { NodeOptions.NotEmpty },
    };

    public static Command Create()
    {
        var command = new Command(
            "streams", "Measures a stream from this process to another one, which it starts unless --peer names one.")
        {
            Size, Rate, Duration, Receive, Network, NodeOptions.Peers, NodeOptions.Listen, NodeOptions.Json,
        };
        command.SetAction((parsed, cancellation) => parsed.GetValue(Receive)
            ? Node.RunAsync(parsed, Settings(parsed, showsAddress: true), ReceiveAsync, cancellation)
            : Node.RunAsync(parsed, Settings(parsed, showsAddress: false), SendAsync, cancellation));
        return new Command("bench", "Measures what this machine and network carry.") { command };
    }

    private static NodeSettings Settings(ParseResult parsed, bool showsAddress) => new()
    {
        Network = NetworkId.From(parsed.GetRequiredValue(Network)),
        // Without a receiver elsewhere nothing has to leave this machine.
        Listen = parsed.GetValue(NodeOptions.Listen) is { Length: > 0 } given ? given
            : parsed.GetValue(NodeOptions.Peers) is { Length: > 0 } || parsed.GetValue(Receive) ? []
            : [new IPEndPoint(IPAddress.Loopback, 0)],
        ShowsAddress = showsAddress,
    };

    private static async Task<int> ReceiveAsync(Node node, CancellationToken cancellation)
    {
        await using var consumer = node.Network.Streams.Consume<byte[]>(new ConsumerOptions<byte[]> { StreamId = Stream });
        await node.ContactPeersAsync(cancellation).ConfigureAwait(false);
        var result = await new BenchReceiver(consumer).RunAsync(cancellation).ConfigureAwait(false);

        // A receiver that listens on loopback has its sender on the same machine: their clocks are one.
        var isOneMachine = node.Parsed.GetValue(NodeOptions.Listen) is [{ Address: var address }] && IPAddress.IsLoopback(address);
        Console.WriteLine(node.Json ? result.ToJson(null, isOneMachine) : result.ToText(null, isOneMachine));
        return ExitCode.Success;
    }

    private static async Task<int> SendAsync(Node node, CancellationToken cancellation)
    {
        using var receiver = node.Parsed.GetValue(NodeOptions.Peers) is { Length: > 0 } ? null : StartReceiver(node.Parsed);
        try
        {
            await using var producer = node.Network.Streams.Produce<byte[]>(
                new ProducerOptions<byte[]> { StreamId = Stream, Lagging = LagPolicy.SlowProducer });
            if (receiver is null)
            {
                await node.ContactPeersAsync(cancellation).ConfigureAwait(false);
            }
            else
            {
                var line = await receiver.StandardError.ReadLineAsync(cancellation).ConfigureAwait(false);
                if (!EndpointAddress.TryParse(line ?? "", out var address, out _))
                    throw new ToolException($"the receiver did not start: {line}");
                await node.Network.SyncWithAsync(address, cancellation).ConfigureAwait(false);
            }

            await producer.When.Subscribed().WaitAsync(cancellation).ConfigureAwait(false);
            var rate = node.Parsed.GetValue(Rate) ?? 0;
            var cpu = await new BenchSender(producer, node.Parsed.GetValue(Size) ?? DefaultSize, rate)
                .RunAsync(node.Parsed.GetValue(Duration) ?? DefaultDuration, cancellation).ConfigureAwait(false);
            if (receiver is null)
            {
                Console.Error.WriteLine("sent; the receiver tells what arrived");
                return ExitCode.Success;
            }

            var answer = await receiver.StandardOutput.ReadLineAsync(cancellation).AsTask().WaitAsync(Patience, cancellation).ConfigureAwait(false)
                ?? throw new ToolException("the receiver failed: " + await receiver.StandardError.ReadToEndAsync(cancellation).ConfigureAwait(false));
            var result = BenchResult.Parse(answer);
            Console.WriteLine(node.Json ? result.ToJson(cpu, isOneMachine: true) : result.ToText(cpu, rate > 0));
            return ExitCode.Success;
        }
        catch (TimeoutException)
        {
            throw new ToolException($"the receiver has said nothing for {DurationText.Of(Patience)}");
        }
        finally
        {
            if (receiver is { HasExited: false } && !receiver.WaitForExit(TimeSpan.FromSeconds(2)))
                receiver.Kill();
        }
    }

    /// <summary>The same program again, as the receiver, on loopback.</summary>
    private static Process StartReceiver(ParseResult parsed)
    {
        var program = Environment.ProcessPath ?? throw new ToolException("this program cannot start itself; start a receiver with --receive");
        var start = new ProcessStartInfo(program)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet")
            start.ArgumentList.Add(Environment.GetCommandLineArgs()[0]);
        string[] arguments = ["bench", "streams", "--receive", "--json", "--listen", "127.0.0.1:0", "--network", parsed.GetRequiredValue(Network)];
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        return Process.Start(start) ?? throw new ToolException("the receiver cannot be started");
    }
}
