using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Mosaik.Bench.Contracts;

/// <summary>A child process of the same program that plays one role.</summary>
public sealed partial class NodeProcess : INode
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Process _process;
    private readonly NodeChannel _channel;
    private readonly int? _core;

    private NodeProcess(Process process, int? core)
    {
        _process = process;
        _channel = new NodeChannel(process.StandardOutput, process.StandardInput);
        _core = core;
    }

    /// <summary>
    /// Starts a role, bound to one core when <paramref name="core"/> is given. It is bound when it is ready, not from
    /// birth: a runtime that is born on one core believes that the machine has no other and compiles its code ten times
    /// later, which the threads of the floors do not suffer either.
    /// </summary>
    public static NodeProcess Launch(string role, int? core)
    {
        var info = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardInput = true, RedirectStandardOutput = true };
        if (string.Equals(Path.GetFileNameWithoutExtension(Environment.ProcessPath), "dotnet", StringComparison.Ordinal))
            info.ArgumentList.Add(Environment.GetCommandLineArgs()[0]);
        info.ArgumentList.Add("node");
        info.ArgumentList.Add(role);
        return new NodeProcess(
            Process.Start(info) ?? throw new InvalidOperationException($"Cannot start {info.FileName}."), core);
    }

    public async Task<NodeReady> StartAsync(NodeStart start)
    {
        await _channel.SendAsync(start);
        var ready = await Within(_channel.ReceiveAsync<NodeReady>());
        if (_core is { } core && OperatingSystem.IsLinux())
            Bind(core);
        return ready;
    }

    public async Task<NodeMeasured> MeasureAsync(NodeMeasure measure)
    {
        await _channel.SendAsync(measure);
        return await Within(_channel.ReceiveAsync<NodeMeasured>());
    }

    /// <summary>SIGKILL: it does nothing any more.</summary>
    public void Kill() => _process.Kill();

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (!_process.HasExited)
            {
                await _channel.SendAsync(NodeMeasure.End);
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

    // New threads inherit the binding of their creator; the second pass finds those that were just being created.
    private void Bind(int core)
    {
        var mask = 1UL << core;
        for (var pass = 0; pass < 2; pass++)
        {
            foreach (var task in Directory.EnumerateDirectories($"/proc/{_process.Id}/task"))
                _ = SetAffinity(int.Parse(Path.GetFileName(task.AsSpan()), CultureInfo.InvariantCulture), sizeof(ulong), in mask);
        }
    }

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static partial int SetAffinity(int thread, nint size, in ulong mask);
}
