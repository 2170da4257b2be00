using Mosaik.Discovery;

namespace Mosaik.Streams;

/// <summary>Predicates on peers are combined.</summary>
internal static class PeerPredicate
{
    /// <summary>Both must say yes; null is no condition.</summary>
    public static Func<PeerInfo, bool> And(Func<PeerInfo, bool>? first, Func<PeerInfo, bool> second)
    {
        ArgumentNullException.ThrowIfNull(second);
        return first is null ? second : peer => first(peer) && second(peer);
    }

    /// <summary>All must say yes; null for none.</summary>
    public static Func<PeerInfo, bool>? All(IReadOnlyList<Func<PeerInfo, bool>> predicates)
    {
        Func<PeerInfo, bool>? all = null;
        foreach (var predicate in predicates)
            all = And(all, predicate);
        return all;
    }
}
