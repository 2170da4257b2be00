namespace Mosaik.Discovery;

/// <summary>
/// Arithmetic on times from the wire, which may be any 64-bit integer, stops at the ends (spec/discovery.md §1).
/// </summary>
internal static class Saturating
{
    public static long Add(long x, long y)
    {
        long sum = unchecked(x + y);
        // Overflow happened exactly when both operands have a sign that the sum does not have.
        return ((x ^ sum) & (y ^ sum)) < 0 ? (x < 0 ? long.MinValue : long.MaxValue) : sum;
    }

    public static long Subtract(long x, long y)
    {
        long difference = unchecked(x - y);
        return ((x ^ y) & (x ^ difference)) < 0 ? (x < 0 ? long.MinValue : long.MaxValue) : difference;
    }

    /// <summary>Whether two instants are at most <paramref name="limit"/> apart.</summary>
    public static bool IsWithin(long x, long y, long limit) =>
        x >= Subtract(y, limit) && x <= Add(y, limit);
}
