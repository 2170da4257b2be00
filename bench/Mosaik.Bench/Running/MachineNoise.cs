using System.Diagnostics;
using System.Globalization;

namespace Mosaik.Bench.Running;

/// <summary>
/// What the machine did besides a round (B7): processor time of others, and time stolen by the hypervisor.
/// </summary>
/// <remarks>
/// The load average cannot tell, because it contains the benchmark itself: with two busy processes on two cores every round
/// but the first would be refused. The processor time of this process and of the children it has waited for is taken off
/// what all processes used. Interrupts are left out: most of them are the benchmark's own packets.
/// </remarks>
internal sealed class MachineNoise
{
    /// <summary>Others may use half a core: the amount of load that B7 tolerates.</summary>
    private const double MaxForeignCores = 0.5;

    private const double MaxStealPercent = 1;

    // The unit of /proc, USER_HZ, is 100 on every Linux.
    private const double TicksPerSecond = 100;

    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly Ticks _before = Read();

    /// <summary>Ends the round.</summary>
    /// <returns>The part of all time that was stolen, and why the round is noisy, if it is.</returns>
    public (double StealPercent, string? Reason) End()
    {
        var after = Read();
        var seconds = Stopwatch.GetElapsedTime(_start).TotalSeconds;
        var foreign = (after.Busy - _before.Busy - (after.Own - _before.Own)) / TicksPerSecond / seconds;
        var steal = 100.0 * (after.Steal - _before.Steal) / Math.Max(1, after.Total - _before.Total);
        return (steal, foreign > MaxForeignCores ? "load" : steal > MaxStealPercent ? "steal" : null);
    }

    private static Ticks Read()
    {
        if (!OperatingSystem.IsLinux())
            return default;
        // user nice system idle iowait irq softirq steal
        var all = Numbers(File.ReadLines("/proc/stat").First(), skip: 1);
        // Behind the name, which may contain blanks: utime stime cutime cstime are the fields 14 to 17.
        var stat = File.ReadAllText("/proc/self/stat");
        var own = Numbers(stat[(stat.LastIndexOf(')') + 1)..], skip: 11);
        return new Ticks(all[0] + all[1] + all[2], own[0] + own[1] + own[2] + own[3], all[7], all.Sum());
    }

    private static long[] Numbers(string line, int skip) =>
    [
        .. line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[skip..].Take(10)
            .Select(static f => long.Parse(f, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture)),
    ];

    private readonly record struct Ticks(long Busy, long Own, long Steal, long Total);
}
