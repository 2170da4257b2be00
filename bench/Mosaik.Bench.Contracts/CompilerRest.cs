using System.Diagnostics;
using System.Runtime;

namespace Mosaik.Bench.Contracts;

/// <summary>
/// Tells when the just-in-time compiler has come to rest, so that no side is measured in code of a lower tier. With
/// fixed warm-up times a side whose code is all managed would be measured half compiled, and one that is precompiled or
/// native would not.
/// </summary>
public sealed class CompilerRest
{
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(6);
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20);

    private readonly long _start = Stopwatch.GetTimestamp();
    private long _methods = -1;
    private long _changed = Stopwatch.GetTimestamp();

    /// <summary>Whether nothing was compiled for 0.4 s, or 6 s are over.</summary>
    public bool IsReached()
    {
        var methods = JitInfo.GetCompiledMethodCount();
        if (methods != _methods)
            (_methods, _changed) = (methods, Stopwatch.GetTimestamp());
        return Stopwatch.GetElapsedTime(_changed) >= Quiet || Stopwatch.GetElapsedTime(_start) >= Patience;
    }

    /// <summary>Waits for the rest while others work, at least <paramref name="atLeast"/>.</summary>
    public static async Task WaitAsync(TimeSpan atLeast)
    {
        var rest = new CompilerRest();
        while (!rest.IsReached() || Stopwatch.GetElapsedTime(rest._start) < atLeast)
            await Task.Delay(Step);
    }
}
