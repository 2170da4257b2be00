namespace Mosaik.Groups.Sync;

/// <summary>What a catch-up knows of one member besides the leader.</summary>
internal sealed class FetchSource
{
    private static readonly TimeSpan LongestSuspension = TimeSpan.FromSeconds(60);

    /// <summary>What it said it has: entries after the start, up to the end.</summary>
    public LogRange Available { get; set; }

    /// <summary>Timeouts in a row.</summary>
    public int Failures { get; private set; }

    /// <summary>Not asked before then.</summary>
    public TimeSpan SuspendedUntil { get; private set; }

    /// <summary>Its entries do not follow the leader's: not asked again.</summary>
    public bool IsDistrusted { get; set; }

    public void Succeed() => Failures = 0;

    /// <summary>It did not answer in time: it rests, longer every time.</summary>
    public void Fail(TimeSpan now, TimeSpan timeout)
    {
        Failures++;
        TimeSpan rest = timeout * Math.Pow(2, Math.Min(Failures - 1, 16));
        SuspendedUntil = now + (rest < LongestSuspension ? rest : LongestSuspension);
    }

    /// <summary>Whether it can serve an index and the one before it, for comparison.</summary>
    public bool Covers(ulong start) =>
        !IsDistrusted && Available.Start.Value + 1 < start && Available.End.Value >= start;
}
