using System.Text.Json;

namespace Mosaik.Bench.Contracts;

/// <summary>JSON lines over the standard streams of a <c>node</c> process, one object per line.</summary>
public sealed class NodeChannel(TextReader input, TextWriter output)
{
    public async Task<T> ReceiveAsync<T>(CancellationToken cancellationToken = default)
    {
        var line = await input.ReadLineAsync(cancellationToken)
            ?? throw new EndOfStreamException("The other process ended.");
        return JsonSerializer.Deserialize<T>(line) ?? throw new InvalidDataException($"Not a {typeof(T).Name}: {line}");
    }

    public async Task SendAsync<T>(T message)
    {
        await output.WriteLineAsync(JsonSerializer.Serialize(message));
        await output.FlushAsync();
    }
}

/// <summary>What a node needs to know to begin.</summary>
public sealed record NodeStart(string Address, string Key, int Concurrency, int WriteSize)
{
    /// <summary>What messaging workloads send (<see cref="Messaging.MessagePlan"/>).</summary>
    public string Variant { get; init; } = "";
}

/// <summary>A node is ready.</summary>
public sealed record NodeReady(string Address, string Key);

/// <summary>A node is to warm up, or to measure, or, with neither, to end.</summary>
public sealed record NodeMeasure(double WarmUpSeconds, double WindowSeconds, long MaxBytes)
{
    public static NodeMeasure End { get; } = new(0, 0, 0);

    public bool IsEnd => WarmUpSeconds <= 0 && WindowSeconds <= 0;

    public bool IsWarmUp => WarmUpSeconds > 0;
}

/// <summary>What a node has measured.</summary>
public sealed record NodeMeasured(long Operations, double Seconds, Resources Resources, LatencySummary? Latency)
{
    /// <summary>The answer to a warm-up.</summary>
    public static NodeMeasured Nothing { get; } = new(0, 0, new Resources(), null);

    /// <summary>Messages that did not arrive, or not in order.</summary>
    public long Lost { get; init; }
}

/// <summary>The code of a node: answers <see cref="NodeStart"/> with <see cref="NodeReady"/> and every measurement with
/// <see cref="NodeMeasured"/>.</summary>
public interface INodeRole : IAsyncDisposable
{
    Task<NodeReady> StartAsync(NodeStart start);

    Task<NodeMeasured> MeasureAsync(NodeMeasure measure);
}
