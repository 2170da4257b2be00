using PolyType.Abstractions;

namespace Mosaik.Streams;

/// <summary>One condition on a datum, ready to be evaluated.</summary>
internal abstract class MemberMatcher<T>
{
    /// <summary>Whether the datum fulfils it. Reading the member is user code and may throw.</summary>
    public abstract bool Matches(ref T datum);
}

/// <summary>The member equals one of some values.</summary>
internal sealed class AnyOfMatcher<T, TValue>(Getter<T, TValue> getter, TValue[] values) : MemberMatcher<T>
{
    /// <inheritdoc/>
    public override bool Matches(ref T datum)
    {
        var value = getter(ref datum);
        foreach (var wanted in values)
            if (EqualityComparer<TValue>.Default.Equals(value, wanted))
                return true;
        return false;
    }
}

/// <summary>The member lies between two values, either of which may be missing.</summary>
internal sealed class RangeMatcher<T, TValue>(
    Getter<T, TValue> getter, (bool Exists, TValue Value) from, (bool Exists, TValue Value) to, IComparer<TValue> comparer)
    : MemberMatcher<T>
{
    /// <inheritdoc/>
    public override bool Matches(ref T datum)
    {
        var value = getter(ref datum);
        return value is not (null or double.NaN or float.NaN)
            && (!from.Exists || comparer.Compare(value, from.Value) >= 0)
            && (!to.Exists || comparer.Compare(value, to.Value) <= 0);
    }
}
