using System.Diagnostics;
using System.Globalization;

namespace Mosaik.Bench.Contracts;

/// <summary>A child process of the same program that plays one role.</summary>
public sealed class NodeProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Process _process;
    private readonly NodeChannel _channel;

    private NodeProcess(Process process)
    {
        _process = process;
        _channel = new NodeChannel(process.StandardOutput, process.StandardInput);
    }

    /// <summary>Starts a role, on one core when <paramref name="core"/> is given.</summary>
    public static NodeProcess Launch(string role, int? core)
    {
        var info = new ProcessStartInfo { RedirectStandardInput = true, RedirectStandardOutput = true };
        if (core is { } c)
        {
            info.FileName = "taskset";
            info.ArgumentList.Add("-c");
            info.ArgumentList.Add(c.ToString(CultureInfo.InvariantCulture));
            info.ArgumentList.Add(Environment.ProcessPath!);
        }
        else
        {
            info.FileName = Environment.ProcessPath!;
        }

        if (string.Equals(Path.GetFileNameWithoutExtension(Environment.ProcessPath), "dotnet", StringComparison.Ordinal))
            info.ArgumentList.Add(Environment.GetCommandLineArgs()[0]);
        info.ArgumentList.Add("node");
        info.ArgumentList.Add(role);
        return new NodeProcess(Process.Start(info) ?? throw new InvalidOperationException($"Cannot start {info.FileName}."));
    }

    public async Task<NodeReady> StartAsync(NodeStart start)
    {
        await _channel.SendAsync(start);
        return await Within(_channel.ReceiveAsync<NodeReady>());
    }

    public Task BeginMeasureAsync(NodeMeasure measure) => _channel.SendAsync(measure);

    public Task<NodeMeasured> EndMeasureAsync() => Within(_channel.ReceiveAsync<NodeMeasured>());

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (!_process.HasExited)
            {
                await _channel.SendAsync(new NodeMeasure(0, 0, 0));
                using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(5));
                await _process.WaitForExitAsync(deadline.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            _process.Kill(entireProcessTree: true);
        }
        finally
        {
            _process.Dispose();
        }
    }

    private static Task<T> Within<T>(Task<T> task) => task.WaitAsync(Patience);
}
