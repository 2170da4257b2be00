using System.Diagnostics;
using System.Globalization;

namespace Mosaik.Simulation;

/// <summary>Runs seeds, prints what fails, and checks that runs can be repeated.</summary>
internal static class Runner
{
    private const int ViolationExitCode = 1;
    private const int NondeterminismExitCode = 2;
    private const int FailuresPrinted = 5;
    private const int ReplayedSeeds = 5;

    /// <summary>
    /// Runs seeds of every world and the replay test; the last line counts them: "N passed, N failed".
    /// </summary>
    public static int RunAll(ulong from, int count, int threads)
    {
        long failed = 0;
        long total = 0;
        int exitCode = 0;
        foreach (IWorld world in Worlds.All)
        {
            int seeds = world.SeedsAmongAll(count);
            total += seeds + 1;
            failed += RunSeeds(world, from, seeds, threads);
            int replay = CheckDeterminism(world, from, ReplayedSeeds);
            failed += replay == 0 ? 0 : 1;
            exitCode = Math.Max(exitCode, replay);
        }
        Console.WriteLine($"{total - failed} passed, {failed} failed");
        return exitCode != 0 ? exitCode : failed > 0 ? ViolationExitCode : 0;
    }

    /// <summary>
    /// Runs <paramref name="count"/> seeds from <paramref name="from"/> on; the last line sums them up.
    /// </summary>
    public static int Run(IWorld world, ulong from, int count, int threads, bool showsEach) =>
        RunSeeds(world, from, count, threads, showsEach) == 0 ? 0 : ViolationExitCode;

    /// <summary>Runs seeds and returns how many broke an invariant.</summary>
    private static long RunSeeds(IWorld world, ulong from, int count, int threads, bool showsEach = false)
    {
        var faults = new FaultCounters();
        long steps = 0;
        long violations = 0;
        TimeSpan virtualTime = TimeSpan.Zero;
        var gate = new Lock();
        var watch = Stopwatch.StartNew();
        Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = threads }, i =>
        {
            var seedWatch = Stopwatch.StartNew();
            RunResult result = world.Run(from + (ulong)i, RunOptions.Default);
            seedWatch.Stop();
            lock (gate)
            {
                if (showsEach)
                    Console.WriteLine(Figures(result, seedWatch.Elapsed));
                faults.Add(result.Faults);
                steps += result.Steps;
                virtualTime += result.VirtualTime;
                if (result.Violation is not null && ++violations <= FailuresPrinted)
                    Console.WriteLine(Describe(world, result));
            }
        });
        double seconds = watch.Elapsed.TotalSeconds;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"world={world.Name} plan={world.Plan} seeds={count} from={from} violations={violations} events={steps} "
            + $"virtual={virtualTime.TotalHours:f2}h seconds={seconds:f1} faults: {faults} events/s={steps / seconds:f0}"));
        return violations;
    }

    /// <summary>Runs one seed again. The last line has the hash of its trace.</summary>
    public static int Replay(IWorld world, ulong seed, RunOptions options)
    {
        RunResult result = world.Run(seed, options);
        foreach (string note in result.Notes)
            Console.WriteLine(note);
        if (result.Violation is not null)
            Console.WriteLine(Describe(world, result));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"seed=0x{seed:x} steps={result.Steps} t={result.VirtualTime.TotalSeconds:f3}s faults: {result.Faults}"));
        Console.WriteLine(TraceLine(result));
        return result.Violation is null ? 0 : ViolationExitCode;
    }

    /// <summary>
    /// Each seed twice in this process and once in another, which has other hash seeds (spec/reliability.md §6.4).
    /// </summary>
    public static int CheckDeterminism(IWorld world, ulong from, int count)
    {
        for (int i = 0; i < count; i++)
        {
            ulong seed = from + (ulong)i;
            string first = TraceLine(world.Run(seed, RunOptions.Default));
            string second = TraceLine(world.Run(seed, RunOptions.Default));
            string other = RunInOtherProcess(world, seed);
            if (first == second && second == other)
                continue;
            Console.WriteLine($"NONDETERMINISM world={world.Name} seed=0x{seed:x}: {first} / {second} / {other} (other process)");
            return NondeterminismExitCode;
        }
        Console.WriteLine($"world={world.Name} seeds={count}: every trace is the same three times");
        return 0;
    }

    /// <summary>The message of a failing seed (spec/reliability.md §9.1).</summary>
    private static string Describe(IWorld world, RunResult result)
    {
        Violation violation = result.Violation!;   // only failing runs are described
        return string.Create(CultureInfo.InvariantCulture, $"""
            FAIL world={world.Name} plan={world.Plan} seed=0x{result.Seed:x} step={result.Steps} t={result.VirtualTime.TotalSeconds:f3}s invariant={violation.Invariant}
              {violation.Detail}
              faults so far: {result.Faults}
              last events: {string.Join(Environment.NewLine + "    ", violation.Recent.Prepend(""))}
              trace {result.TraceHash:x16} at step {result.Steps}
              replay: dotnet run -c Release --project tests/Mosaik.Simulation -- replay {world.Name} 0x{result.Seed:x} --plan {world.Plan} --until {result.Steps} --log
            """);
    }

    private static string Figures(RunResult result, TimeSpan took)
    {
        using Process self = Process.GetCurrentProcess();
        return string.Create(CultureInfo.InvariantCulture,
            $"seed={result.Seed} {string.Join("; ", result.Notes)}; t={result.VirtualTime.TotalSeconds:f0}s steps={result.Steps} "
            + $"seconds={took.TotalSeconds:f2} of the process: processor={self.TotalProcessorTime.TotalSeconds:f1} s "
            + $"collecting={GC.GetTotalPauseDuration().TotalSeconds:f1} s allocated={GC.GetTotalAllocatedBytes() / 1_000_000} MB "
            + $"survived={GC.GetGCMemoryInfo(GCKind.FullBlocking).HeapSizeBytes / 1_000_000} MB collections={GC.CollectionCount(0)}/{GC.CollectionCount(2)} "
            + $"peak={self.PeakWorkingSet64 / 1_000_000} MB");
    }

    private static string TraceLine(RunResult result) => $"trace {result.TraceHash:x16}";

    private static string RunInOtherProcess(IWorld world, ulong seed)
    {
        string host = Environment.ProcessPath
            ?? throw new InvalidOperationException("the path of this process is unknown");
        var start = new ProcessStartInfo(host) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(host) == "dotnet")
            start.ArgumentList.Add(typeof(Runner).Assembly.Location);
        foreach (string argument in (string[])["replay", world.Name, $"0x{seed:x}"])
            start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)
            ?? throw new InvalidOperationException("the second process did not start");
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output.TrimEnd().Split('\n')[^1].Trim();
    }
}
