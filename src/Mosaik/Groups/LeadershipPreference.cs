namespace Mosaik.Groups;

/// <summary>How much a node wants to lead (spec/groups.md §6.6). A machine may change its mind at run time.</summary>
public readonly record struct LeadershipPreference
{
    private readonly int _extra;

    private LeadershipPreference(int extra, bool isObserver)
    {
        _extra = extra;
        IsObserver = isObserver;
    }

    /// <summary>As much as everybody else; the default.</summary>
    public static LeadershipPreference Normal => default;

    /// <summary>Never: it replicates, serves others, and abstains from votes.</summary>
    public static LeadershipPreference Observer => new(0, isObserver: true);

    /// <summary>Whether the node never leads.</summary>
    public bool IsObserver { get; }

    /// <summary>By what election timeouts are multiplied; 1 for <see cref="Normal"/>.</summary>
    public int Factor => _extra + 1;

    /// <summary>Less than others: it waits longer before it asks for votes.</summary>
    /// <param name="factor">By what its election timeouts are multiplied; at least 1.</param>
    /// <returns>The preference.</returns>
    public static LeadershipPreference Reluctant(int factor = 3)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(factor, 1);
        return new LeadershipPreference(factor - 1, isObserver: false);
    }

    /// <inheritdoc/>
    public override string ToString() => IsObserver ? "observer" : Factor == 1 ? "normal" : $"reluctant ({Factor} x)";
}
