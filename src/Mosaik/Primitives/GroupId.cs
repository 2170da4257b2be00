using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;
using Mosaik.Postcard;

namespace Mosaik.Primitives;

/// <summary>Names a consensus group.</summary>
/// <remarks>
/// A <see cref="UniqueId"/> of its own type: it converts implicitly from text (the from-string rule) and to
/// <see cref="UniqueId"/>, and explicitly back (spec/wire.md §1.1).
/// </remarks>
[JsonConverter(typeof(IdentifierJsonConverter<GroupId>))]
[PostcardConverter(typeof(IdentifierPostcardConverter<GroupId>))]
public readonly record struct GroupId : IComparable<GroupId>, ISpanFormattable, IUtf8SpanFormattable, ISpanParsable<GroupId>,
    IIdentifier<GroupId>
{
    private readonly UniqueId _id;

    private GroupId(UniqueId id) => _id = id;

    /// <summary>The from-string rule: 64 hexadecimal digits are decoded, every other text is hashed.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The identifier.</returns>
    public static GroupId From(string text) => new(UniqueId.From(text));

    /// <summary>The from-string rule on bytes taken as text; raw 32 bytes are hashed, not copied.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <returns>The identifier.</returns>
    public static GroupId From(ReadOnlySpan<byte> bytes) => new(UniqueId.From(bytes));

    /// <summary>Exactly these 32 bytes.</summary>
    /// <param name="bytes">32 bytes.</param>
    /// <returns>The identifier.</returns>
    /// <exception cref="ArgumentException">The length is not 32.</exception>
    public static GroupId FromRaw(ReadOnlySpan<byte> bytes) => new(UniqueId.FromRaw(bytes));

    /// <summary>Exactly these 32 bytes; false for any other length.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="id">The identifier.</param>
    /// <returns>Whether there were exactly 32 bytes.</returns>
    public static bool TryFromRaw(ReadOnlySpan<byte> bytes, out GroupId id)
    {
        bool valid = UniqueId.TryFromRaw(bytes, out UniqueId raw);
        id = new GroupId(raw);
        return valid;
    }

    /// <inheritdoc cref="UniqueId.Derive(ReadOnlySpan{byte})"/>
    public UniqueId Derive(ReadOnlySpan<byte> info) => _id.Derive(info);

    /// <inheritdoc cref="UniqueId.Derive(string)"/>
    public UniqueId Derive(string info) => _id.Derive(info);

    /// <inheritdoc cref="UniqueId.Derive(UniqueId)"/>
    public UniqueId Derive(UniqueId info) => _id.Derive(info);

    /// <inheritdoc cref="UniqueId.AsSpan"/>
    [UnscopedRef]
    public ReadOnlySpan<byte> AsSpan() => _id.AsSpan();

    /// <inheritdoc cref="UniqueId.ToByteArray"/>
    public byte[] ToByteArray() => _id.ToByteArray();

    /// <inheritdoc cref="UniqueId.CopyTo"/>
    public void CopyTo(Span<byte> destination) => _id.CopyTo(destination);

    /// <summary>Unsigned lexicographic order of the bytes.</summary>
    /// <param name="other">The other id.</param>
    /// <returns>Negative, zero or positive.</returns>
    public int CompareTo(GroupId other) => _id.CompareTo(other._id);

    /// <summary>64 lower-case hexadecimal characters.</summary>
    /// <returns>The full text form.</returns>
    public override string ToString() => _id.ToString();

    /// <inheritdoc cref="UniqueId.ToString(string, IFormatProvider)"/>
    public string ToString(string? format, IFormatProvider? formatProvider) => _id.ToString(format, formatProvider);

    /// <summary>
    /// Format <c>null</c>, <c>""</c> or <c>"G"</c>: 64 hexadecimal characters; <c>"S"</c>: the first 10.
    /// </summary>
    /// <param name="format">The format.</param>
    /// <returns>The text.</returns>
    public string ToString(string? format) => _id.ToString(format);

    /// <inheritdoc cref="UniqueId.ToAbbreviatedString"/>
    public string ToAbbreviatedString(int length) => _id.ToAbbreviatedString(length);

    /// <inheritdoc/>
    public bool TryFormat(
        Span<char> destination, out int charsWritten, ReadOnlySpan<char> format, IFormatProvider? provider) =>
        _id.TryFormat(destination, out charsWritten, format, provider);

    /// <inheritdoc/>
    public bool TryFormat(
        Span<byte> utf8Destination, out int bytesWritten, ReadOnlySpan<char> format, IFormatProvider? provider) =>
        _id.TryFormat(utf8Destination, out bytesWritten, format, provider);

    /// <summary>The from-string rule, see <see cref="From(string)"/>.</summary>
    /// <param name="s">The text.</param>
    /// <returns>The identifier.</returns>
    public static GroupId Parse(string s) => new(UniqueId.From(s));

    /// <inheritdoc cref="UniqueId.Parse(string, IFormatProvider)"/>
    public static GroupId Parse(string s, IFormatProvider? provider) => new(UniqueId.From(s));

    /// <inheritdoc cref="UniqueId.Parse(ReadOnlySpan{char}, IFormatProvider)"/>
    public static GroupId Parse(ReadOnlySpan<char> s, IFormatProvider? provider) => new(UniqueId.From(s));

    /// <inheritdoc cref="UniqueId.TryParse(string, IFormatProvider, out UniqueId)"/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out GroupId result)
    {
        bool valid = UniqueId.TryParse(s, provider, out UniqueId id);
        result = new GroupId(id);
        return valid;
    }

    /// <inheritdoc cref="UniqueId.TryParse(ReadOnlySpan{char}, IFormatProvider, out UniqueId)"/>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out GroupId result)
    {
        result = new GroupId(UniqueId.From(s));
        return true;
    }

    /// <summary>The from-string rule, see <see cref="From(string)"/>.</summary>
    /// <param name="text">The text.</param>
    public static implicit operator GroupId(string text) => From(text);

    /// <summary>The same bytes without the role.</summary>
    /// <param name="id">The identifier.</param>
    public static implicit operator UniqueId(GroupId id) => id._id;

    /// <summary>The same bytes in this role.</summary>
    /// <param name="id">The identifier.</param>
    public static explicit operator GroupId(UniqueId id) => new(id);

    /// <summary>Lexicographic order.</summary>
    /// <param name="left">One id.</param>
    /// <param name="right">Another id.</param>
    public static bool operator <(GroupId left, GroupId right) => left.CompareTo(right) < 0;

    /// <summary>Lexicographic order.</summary>
    /// <param name="left">One id.</param>
    /// <param name="right">Another id.</param>
    public static bool operator >(GroupId left, GroupId right) => left.CompareTo(right) > 0;

    /// <summary>Lexicographic order.</summary>
    /// <param name="left">One id.</param>
    /// <param name="right">Another id.</param>
    public static bool operator <=(GroupId left, GroupId right) => left.CompareTo(right) <= 0;

    /// <summary>Lexicographic order.</summary>
    /// <param name="left">One id.</param>
    /// <param name="right">Another id.</param>
    public static bool operator >=(GroupId left, GroupId right) => left.CompareTo(right) >= 0;
}
