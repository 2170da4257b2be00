namespace Mosaik.Groups;

/// <summary>Whose state answers a query (spec/groups.md §7.5).</summary>
public enum Consistency
{
    /// <summary>This node's, at once; it may be behind.</summary>
    Weak,

    /// <summary>
    /// The leader's. With <see cref="Safety.Majority"/> it is confirmed and linearizable. With
    /// <see cref="Safety.Available"/> it is not: a deposed leader answers from its own state, and a new one may not have
    /// applied the last writes of its predecessor yet.
    /// </summary>
    Strong,
}
