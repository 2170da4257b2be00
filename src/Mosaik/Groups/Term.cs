using System.Globalization;
using Mosaik.Postcard;

namespace Mosaik.Groups;

/// <summary>A period of leadership: every election starts a new, greater one.</summary>
/// <remarks>spec/groups.md §2.1. On the wire: an unsigned varint.</remarks>
/// <param name="Value">The number.</param>
public readonly record struct Term(ulong Value) : IComparable<Term>, ISpanFormattable
{
    /// <summary>Before the first election.</summary>
    public static Term Zero => default;

    /// <summary>The term in which a group is founded.</summary>
    public static Term One => new(1);

    /// <summary>Whether this is <see cref="Zero"/>.</summary>
    public bool IsZero => Value == 0;

    /// <summary>The one after this; the greatest number is followed by itself.</summary>
    public Term Next => Value == ulong.MaxValue ? this : new(Value + 1);

    /// <summary>The one before this; zero is preceded by itself.</summary>
    public Term Previous => Value == 0 ? this : new(Value - 1);

    /// <summary>How far apart two of them are, whatever their order.</summary>
    /// <param name="other">The other one.</param>
    /// <returns>The absolute difference.</returns>
    public ulong Distance(Term other) => Value > other.Value ? Value - other.Value : other.Value - Value;

    /// <inheritdoc/>
    public int CompareTo(Term other) => Value.CompareTo(other.Value);

    /// <summary>The number in decimal.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public string ToString(string? format, IFormatProvider? formatProvider) => Value.ToString(format, CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public bool TryFormat(Span<char> destination, out int charsWritten, ReadOnlySpan<char> format, IFormatProvider? provider) =>
        Value.TryFormat(destination, out charsWritten, format, CultureInfo.InvariantCulture);

    internal void Write(ref PostcardWriter writer) => writer.WriteUInt64(Value);

    internal static bool TryRead(scoped ref PostcardReader reader, out Term value)
    {
        bool read = reader.TryReadUInt64(out ulong number);
        value = new Term(number);
        return read;
    }

    /// <summary>Order of the numbers.</summary>
    /// <param name="left">One of them.</param>
    /// <param name="right">Another one.</param>
    public static bool operator <(Term left, Term right) => left.Value < right.Value;

    /// <summary>Order of the numbers.</summary>
    /// <param name="left">One of them.</param>
    /// <param name="right">Another one.</param>
    public static bool operator >(Term left, Term right) => left.Value > right.Value;

    /// <summary>Order of the numbers.</summary>
    /// <param name="left">One of them.</param>
    /// <param name="right">Another one.</param>
    public static bool operator <=(Term left, Term right) => left.Value <= right.Value;

    /// <summary>Order of the numbers.</summary>
    /// <param name="left">One of them.</param>
    /// <param name="right">Another one.</param>
    public static bool operator >=(Term left, Term right) => left.Value >= right.Value;
}
