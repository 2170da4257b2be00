using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Mosaik.EndToEnd.Tests;

/// <summary>One replica as a process of its own, and what it has told (tests/Mosaik.EndToEnd.Member).</summary>
internal sealed partial class GroupProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task _output;

    private GroupProcess(string key, string[] arguments, Action<GroupProcess, string, string> onLine)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardInput = true, RedirectStandardOutput = true };
        start.Environment["DOTNET_TieredPGO"] = "0"; // lives for seconds: most of its time is compiling
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Mosaik.EndToEnd.Member.dll"));
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        _process = Process.Start(start) ?? throw new InvalidOperationException("cannot start a member");
        _output = ReadAsync(onLine);
        Key = key;
    }

    /// <summary>What it was started with and its id follows from: another process with it takes its place.</summary>
    public string Key { get; }

    /// <summary>Where it is reached, once it has told.</summary>
    public string? Address { get; set; }

    /// <summary>Its id, once it has told its address.</summary>
    public string? Id => Address?.Split('@')[0];

    /// <summary>The leader it follows.</summary>
    public string Leader { get; set; } = "none";

    /// <summary>The voters as it knows them.</summary>
    public IReadOnlyList<string> Roster { get; set; } = [];

    /// <summary>Whether its client has ended.</summary>
    public bool IsStopped { get; set; }

    /// <summary>All texts in the order of the log, once it was asked.</summary>
    public IReadOnlyList<string>? All { get; set; }

    /// <summary>Starts one.</summary>
    /// <param name="onLine">Gets the process, the first word of each line and the rest.</param>
    /// <param name="network">As the program says.</param>
    /// <param name="replicas">As the program says.</param>
    /// <param name="key">As the program says.</param>
    /// <param name="contact">The address of another one, unless it is the first.</param>
    public static GroupProcess Start(
        Action<GroupProcess, string, string> onLine, string network, int replicas, string key, string? contact)
    {
        string[] arguments = [network, replicas.ToString(CultureInfo.InvariantCulture), key];
        return new(key, contact is null ? arguments : [.. arguments, contact], onLine);
    }

    public void Tell(string line)
    {
        _process.StandardInput.WriteLine(line);
        _process.StandardInput.Flush();
    }

    /// <summary>SIGKILL. What it had told before is heard when this completes.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        await _output;
    }

    /// <summary>SIGTERM, and waits until it has left. What it had told before is heard when this completes.</summary>
    public async Task<int> TerminateAsync(CancellationToken deadline)
    {
        const int sigterm = 15;
        if (Signal(_process.Id, sigterm) != 0)
            throw new InvalidOperationException("cannot signal a member");
        await _process.WaitForExitAsync(deadline);
        await _output;
        return _process.ExitCode;
    }

    /// <summary>Asks it to leave, and waits until it has.</summary>
    public async Task<int> LeaveAsync(CancellationToken deadline)
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync(deadline);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);

    private async Task ReadAsync(Action<GroupProcess, string, string> onLine)
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            var words = line.Split(' ', 2);
            onLine(this, words[0], words.Length > 1 ? words[1] : "");
        }
    }
}
