using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Mosaik.Bench.Contracts.Messaging;

/// <summary>
/// Sleeps until a time stamp to within some microseconds, without spinning: a schedule that spins would take one of two
/// cores away from those who are measured.
/// </summary>
internal static partial class PreciseSleep
{
    private const int SetTimerSlack = 29; // PR_SET_TIMERSLACK, linux/prctl.h
    private const int Monotonic = 1;      // CLOCK_MONOTONIC, the clock of Stopwatch
    private const int Absolute = 1;       // TIMER_ABSTIME
    private const long NanosecondsPerSecond = 1_000_000_000;

    /// <summary>Takes away the 50 µs by which the system may delay the timers of this thread.</summary>
    public static void Prepare()
    {
        if (OperatingSystem.IsLinux())
            _ = Control(SetTimerSlack, 1);
    }

    public static void Until(long timestamp)
    {
        if (OperatingSystem.IsLinux() && Stopwatch.Frequency == NanosecondsPerSecond)
        {
            var due = new TimeSpec { Seconds = timestamp / NanosecondsPerSecond, Nanoseconds = timestamp % NanosecondsPerSecond };
            _ = Sleep(Monotonic, Absolute, in due, 0);
        }
        else
        {
            Thread.Sleep(1);
        }
    }

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int Control(int option, nuint value);

    [LibraryImport("libc", EntryPoint = "clock_nanosleep")]
    private static partial int Sleep(int clock, int flags, in TimeSpec until, nint left);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
