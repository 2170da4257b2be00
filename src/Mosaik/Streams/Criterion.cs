using System.Collections.Immutable;

namespace Mosaik.Streams;

/// <summary>
/// One condition of <see cref="Criteria"/>: a member's value is one of some, or lies in a range, ends included.
/// </summary>
/// <remarks>Values are in postcard, in the form of the member's type. Compared by content.</remarks>
internal sealed class Criterion : IEquatable<Criterion>
{
    /// <summary>The name of the member as the shape of the datum has it; empty for the datum itself.</summary>
    public required string Member { get; init; }

    /// <summary>The values of which one must be equal; empty for a range.</summary>
    public ImmutableArray<byte[]> AnyOf { get; init; } = [];

    /// <summary>The smallest value of a range, if it has one.</summary>
    public byte[]? From { get; init; }

    /// <summary>The largest value of a range, if it has one.</summary>
    public byte[]? To { get; init; }

    /// <summary>The type the values had where the criterion was written; unknown for one that was received.</summary>
    public Type? ValueType { get; init; }

    /// <inheritdoc/>
    public bool Equals(Criterion? other) =>
        other is not null && Member == other.Member && Same(From, other.From) && Same(To, other.To)
        && AnyOf.Length == other.AnyOf.Length && AnyOf.Zip(other.AnyOf, Same).All(static same => same);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Criterion);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Member, AnyOf.Length, From?.Length, To?.Length);

    /// <inheritdoc/>
    public override string ToString()
    {
        var member = Member.Length == 0 ? "datum" : Member;
        return AnyOf.IsEmpty
            ? $"{(From is null ? "" : Hex(From) + " ≤ ")}{member}{(To is null ? "" : " ≤ " + Hex(To))}"
            : $"{member} = {string.Join(" | ", AnyOf.Select(Hex))}";
    }

    private static bool Same(byte[]? x, byte[]? y) => x is null ? y is null : y is not null && x.AsSpan().SequenceEqual(y);

    private static string Hex(byte[] value) => "0x" + Convert.ToHexStringLower(value);
}
