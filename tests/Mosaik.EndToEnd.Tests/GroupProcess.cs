using System.Diagnostics;

namespace Mosaik.EndToEnd.Tests;

/// <summary>One replica as a process of its own, and what it has told (tests/Mosaik.EndToEnd.Member).</summary>
internal sealed class GroupProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task _output;

    private GroupProcess(string[] arguments, Action<GroupProcess, string, string> onLine)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardInput = true, RedirectStandardOutput = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Mosaik.EndToEnd.Member.dll"));
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        _process = Process.Start(start) ?? throw new InvalidOperationException("cannot start a member");
        _output = ReadAsync(onLine);
    }

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
    /// <param name="arguments">As the program says.</param>
    public static GroupProcess Start(Action<GroupProcess, string, string> onLine, params string[] arguments) => new(arguments, onLine);

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

    private async Task ReadAsync(Action<GroupProcess, string, string> onLine)
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            var words = line.Split(' ', 2);
            onLine(this, words[0], words.Length > 1 ? words[1] : "");
        }
    }
}
