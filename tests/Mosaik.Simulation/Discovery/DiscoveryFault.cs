using Mosaik.Testing;

namespace Mosaik.Simulation.Discovery;

/// <summary>One trouble of a plan.</summary>
/// <param name="At">When, counted from the convergence after the start.</param>
/// <param name="Duration">How long; zero for what has no end.</param>
internal abstract record DiscoveryFault(TimeSpan At, TimeSpan Duration)
{
    /// <summary>All links lose and delay.</summary>
    public sealed record BadLinks(TimeSpan At, TimeSpan Duration, LinkConditions Conditions) : DiscoveryFault(At, Duration);

    /// <summary>Nothing passes between two sets of nodes, in one direction or both.</summary>
    public sealed record Cut(TimeSpan At, TimeSpan Duration, int[] Left, int[] Right, bool IsOneWay) : DiscoveryFault(At, Duration);

    /// <summary>The power of a node fails; it comes back under the same key unless it is lost for good.</summary>
    public sealed record Crash(TimeSpan At, TimeSpan Duration, int Node, bool IsForGood) : DiscoveryFault(At, Duration);

    /// <summary>A node says goodbye; it comes back under the same key unless it is gone for good.</summary>
    public sealed record Leave(TimeSpan At, TimeSpan Duration, int Node, bool IsForGood) : DiscoveryFault(At, Duration);

    /// <summary>A node says goodbye and some cannot hear it.</summary>
    public sealed record LostDeparture(TimeSpan At, TimeSpan Duration, int Node, int[] Deaf) : DiscoveryFault(At, Duration);

    /// <summary>A node that was not there before joins.</summary>
    public sealed record Join(TimeSpan At, int Node) : DiscoveryFault(At, TimeSpan.Zero);

    /// <summary>A node changes its roles.</summary>
    public sealed record ChangeTags(TimeSpan At, int Node, string Tag) : DiscoveryFault(At, TimeSpan.Zero);

    /// <summary>
    /// A node is restarted with a clock that is a little ahead, and again, with the right one, before that time has come: the
    /// later run seems to have started before the earlier one.
    /// </summary>
    public sealed record HastyClock(TimeSpan At, TimeSpan Duration, int Node, TimeSpan Ahead) : DiscoveryFault(At, Duration);

    /// <summary>A node is restarted with a clock that is far behind, which is set right at the end.</summary>
    public sealed record WrongClock(TimeSpan At, TimeSpan Duration, int Node, TimeSpan Behind) : DiscoveryFault(At, Duration);
}
