using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Mosaik.EndToEnd.Tests;

/// <summary>One run of a program of this repository as a process of its own; its output is counted, hashed and kept.</summary>
internal sealed class ToolProcess : IAsyncDisposable
{
    private const string Tool = "Mosaik.Cli";

    /// <summary>Names a program to run as <c>mosaik</c> instead of the build beside the tests: a published one.</summary>
    private const string PublishedTool = "MOSAIK_TOOL";

    private const int SignalInterrupt = 2;
    private const int SignalTerminate = 15;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(120);

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _errors = new();
    private readonly TaskCompletionSource<string> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _stdout;
    private readonly Task _stderr;
    private readonly List<(long Lines, TaskCompletionSource Reached)> _waits = [];
    private readonly List<(Predicate<string> Condition, TaskCompletionSource Met)> _outputWaits = [];
    private readonly List<(string Text, TaskCompletionSource Found)> _errorWaits = [];
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly MemoryStream _head = new();
    private long _lines;

    private ToolProcess(string assembly, string[] arguments, IReadOnlyDictionary<string, string>? environment)
    {
        var published = assembly == Tool ? Environment.GetEnvironmentVariable(PublishedTool) : null;
        var start = new ProcessStartInfo(published ?? "dotnet")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (published is null)
            start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, assembly + ".dll"));
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        _process = Process.Start(start) ?? throw new InvalidOperationException($"cannot start {assembly}");
        _stdout = ReadOutputAsync();
        _stderr = ReadErrorsAsync();
    }

    /// <summary>Lines written to stdout so far.</summary>
    public long Lines => Interlocked.Read(ref _lines);

    /// <summary>Everything written to stderr so far.</summary>
    public string Errors => string.Join('\n', _errors);

    /// <summary>The first bytes of stdout, as text.</summary>
    public string Output => System.Text.Encoding.UTF8.GetString(_head.ToArray());

    /// <summary>Time that processors have worked for it; zero when it has ended.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            try
            {
                return _process.TotalProcessorTime;
            }
            catch (InvalidOperationException)
            {
                return TimeSpan.Zero;
            }
        }
    }

    /// <summary>SHA-256 of all of stdout; call after <see cref="ExitAsync"/>.</summary>
    public string Sha256 => Convert.ToHexStringLower(_hash.GetHashAndReset());

    /// <summary>Runs the <c>mosaik</c> tool.</summary>
    public static ToolProcess Mosaik(params string[] arguments) => new(Tool, arguments, null);

    /// <summary>Runs the <c>mosaik</c> tool with environment variables.</summary>
    public static ToolProcess Mosaik(IReadOnlyDictionary<string, string> environment, params string[] arguments) =>
        new(Tool, arguments, environment);

    /// <summary>Runs a sample.</summary>
    public static ToolProcess Sample(string name, params string[] arguments) => new(name, arguments, null);

    /// <summary>The address that the node prints at start, <c>ID@IP:PORT</c>.</summary>
    public Task<string> AddressAsync() => Within(_address.Task, "its address on stderr");

    /// <summary>Completes when so many lines were written to stdout.</summary>
    public Task LinesAsync(long count)
    {
        lock (_waits)
        {
            if (_lines >= count)
                return Task.CompletedTask;
            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waits.Add((count, reached));
            return Within(reached.Task, $"{count} lines");
        }
    }

    /// <summary>Completes when what was written to stdout, as far as it is kept, fulfils a condition.</summary>
    public Task OutputAsync(Predicate<string> condition, string what)
    {
        lock (_waits)
        {
            if (condition(Output))
                return Task.CompletedTask;
            var met = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _outputWaits.Add((condition, met));
            return Within(met.Task, what);
        }
    }

    /// <summary>Completes when some text was written to stderr.</summary>
    public Task ErrorsContainAsync(string text)
    {
        var found = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_waits)
        {
            if (Errors.Contains(text, StringComparison.Ordinal))
                return Task.CompletedTask;
            _errorWaits.Add((text, found));
        }

        return Within(found.Task, $"'{text}' on stderr");
    }

    /// <summary>Writes a file to stdin and closes it.</summary>
    public async Task FeedAsync(string file)
    {
        await using var input = File.OpenRead(file);
        await Within(input.CopyToAsync(_process.StandardInput.BaseStream), "its input to be read");
        _process.StandardInput.Close();
    }

    /// <summary>Writes a line to stdin and leaves it open.</summary>
    public async Task WriteLineAsync(string line)
    {
        await _process.StandardInput.WriteAsync(line + "\n");
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>Writes text to stdin and closes it.</summary>
    public async Task FeedTextAsync(string text)
    {
        await _process.StandardInput.WriteAsync(text);
        _process.StandardInput.Close();
    }

    /// <summary>Waits for the end and for all output; returns the exit code.</summary>
    public async Task<int> ExitAsync()
    {
        await Within(Task.WhenAll(_process.WaitForExitAsync(), _stdout, _stderr), "its exit");
        return _process.ExitCode;
    }

    /// <summary>SIGKILL.</summary>
    public void Kill() => _process.Kill();

    /// <summary>
    /// SIGINT, as Ctrl+C sends it; SIGTERM where this process, and hence its children, were started with SIGINT ignored,
    /// as shells do with jobs in the background.
    /// </summary>
    public void Interrupt()
    {
        if (OperatingSystem.IsWindows())
            throw new PlatformNotSupportedException();
        if (SendSignal(_process.Id, IsInterruptIgnored() ? SignalTerminate : SignalInterrupt) != 0)
            throw new InvalidOperationException($"kill failed: {Marshal.GetLastPInvokeError()}");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        _hash.Dispose();
        await _head.DisposeAsync();
    }

    private static bool IsInterruptIgnored()
    {
        const string status = "/proc/self/status";
        const string mask = "SigIgn:";
        if (!File.Exists(status))
            return false;
        var line = File.ReadLines(status).First(l => l.StartsWith(mask, StringComparison.Ordinal));
        var ignored = ulong.Parse(line[mask.Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return (ignored & (1UL << (SignalInterrupt - 1))) != 0;
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int SendSignal(int process, int signal);

    private async Task ReadOutputAsync()
    {
        var buffer = new byte[64 * 1024];
        var stream = _process.StandardOutput.BaseStream;
        int read;
        while ((read = await stream.ReadAsync(buffer)) > 0)
        {
            var bytes = buffer.AsMemory(0, read);
            _hash.AppendData(bytes.Span);
            lock (_waits)
            {
                if (_head.Length < 64 * 1024)
                    _head.Write(bytes.Span);
                foreach (var wait in _outputWaits.FindAll(w => w.Condition(Output)))
                {
                    wait.Met.TrySetResult();
                    _outputWaits.Remove(wait);
                }

                Interlocked.Add(ref _lines, bytes.Span.Count((byte)'\n'));
                foreach (var wait in _waits.FindAll(w => w.Lines <= _lines))
                    wait.Reached.TrySetResult();
                _waits.RemoveAll(w => w.Lines <= _lines);
            }
        }
    }

    private async Task ReadErrorsAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            lock (_waits)
            {
                _errors.Enqueue(line);
                foreach (var wait in _errorWaits.FindAll(w => line.Contains(w.Text, StringComparison.Ordinal)))
                    wait.Found.TrySetResult();
                _errorWaits.RemoveAll(w => line.Contains(w.Text, StringComparison.Ordinal));
            }

            var at = line.IndexOf('@', StringComparison.Ordinal);
            if (at == 64 && line[..at].All(char.IsAsciiHexDigitLower))
                _address.TrySetResult(line.Trim());
        }

        _address.TrySetException(new InvalidOperationException($"no address was printed:\n{Errors}"));
    }

    private async Task Within(Task task, string what)
    {
        try
        {
            await task.WaitAsync(Deadline);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException(string.Create(
                CultureInfo.InvariantCulture,
                $"waited {Deadline.TotalSeconds} s for {what}; {Lines} lines so far; stderr:\n{Errors}"));
        }
    }

    private async Task<T> Within<T>(Task<T> task, string what)
    {
        await Within((Task)task, what);
        return await task;
    }
}
