using System.Diagnostics;
using System.Globalization;

namespace Mosaik.EndToEnd.Tests;

/// <summary>
/// How long something took, and how long it took without what the processors did for other programs meanwhile: a limit
/// for the latter says the same on a machine that is shared as on one that is not.
/// </summary>
/// <remarks>Other programs are known from <c>/proc/stat</c>; where there is none, both times are the same.</remarks>
internal sealed class FairTime
{
    private const double TicksPerSecond = 100; // USER_HZ, the same on all architectures that .NET runs on

    private readonly Stopwatch _elapsed = Stopwatch.StartNew();
    private readonly Dictionary<ToolProcess, TimeSpan> _before;
    private readonly TimeSpan _ownBefore = Own();
    private readonly (TimeSpan Busy, int Processors) _machineBefore = Machine();

    /// <summary>Starts to count.</summary>
    /// <param name="processes">What is not another program, besides this one.</param>
    public FairTime(IEnumerable<ToolProcess> processes) =>
        _before = processes.ToDictionary(static p => p, static p => p.ProcessorTime);

    /// <summary>Fails if it has taken too long, and prints how long it took.</summary>
    public void AssertAtMost(TimeSpan limit, string what)
    {
        var elapsed = _elapsed.Elapsed;
        var (busy, processors) = Machine();
        var own = Own() - _ownBefore;
        foreach (var (process, before) in _before)
            own += process.ProcessorTime is var now && now > before ? now - before : TimeSpan.Zero;
        var others = busy - _machineBefore.Busy - own;
        var lost = others > TimeSpan.Zero ? others / processors : TimeSpan.Zero;
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"{what} after {elapsed.TotalSeconds:F2} s, others had {lost.TotalSeconds:F2} s of it; limit {limit.TotalSeconds} s");
        TestContext.Current.TestOutputHelper?.WriteLine(text);
        Assert.True(elapsed - lost <= limit, text);
    }

    private static TimeSpan Own()
    {
        using var self = Process.GetCurrentProcess();
        return self.TotalProcessorTime;
    }

    /// <summary>For how long its processors were busy, all together, and how many they are.</summary>
    private static (TimeSpan Busy, int Processors) Machine()
    {
        const string path = "/proc/stat";
        if (!File.Exists(path))
            return (TimeSpan.Zero, 1);
        var lines = File.ReadAllLines(path).Where(static l => l.StartsWith("cpu", StringComparison.Ordinal)).ToList();
        // cpu user nice system idle iowait irq softirq steal ...: then a line for each processor.
        var ticks = lines[0].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..9]
            .Select(static t => long.Parse(t, CultureInfo.InvariantCulture)).ToArray();
        return (TimeSpan.FromSeconds((ticks.Sum() - ticks[3] - ticks[4]) / TicksPerSecond), lines.Count - 1);
    }
}
