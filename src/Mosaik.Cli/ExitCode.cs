namespace Mosaik.Cli;

/// <summary>What the tool exits with (spec/cli-metrics.md §1.1).</summary>
internal static class ExitCode
{
    /// <summary>Done, also after Ctrl+C.</summary>
    public const int Success = 0;

    /// <summary>Something failed at run time; the message is on stderr.</summary>
    public const int Failure = 1;

    /// <summary>The command line is wrong; one line on stderr says how.</summary>
    public const int Usage = 2;
}
