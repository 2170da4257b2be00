namespace Mosaik.Testing;

/// <summary>A simulation cannot go on, or did not reach in time what it was asked to reach. The message is evidence.</summary>
public sealed class SimulationException : Exception
{
    internal SimulationException(string message, string awaited, TimeSpan at)
        : base(message)
    {
        Awaited = awaited;
        At = at;
    }

    /// <summary>What was waited for.</summary>
    public string Awaited { get; }

    /// <summary>The virtual time since the start of the world.</summary>
    public TimeSpan At { get; }
}
