using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>Nobody could answer a strong query in time (spec/groups.md §13).</summary>
/// <typeparam name="TQuery">The query.</typeparam>
public sealed class GroupQueryOfflineException<TQuery> : MosaikException
{
    internal GroupQueryOfflineException(TQuery query, OfflineReason reason)
        : base($"The group could not answer the query: {reason}.")
    {
        Query = query;
        Reason = reason;
    }

    /// <inheritdoc/>
    public override bool IsTransient => true;

    /// <summary>The query.</summary>
    public TQuery Query { get; }

    /// <summary>Why.</summary>
    public OfflineReason Reason { get; }
}
