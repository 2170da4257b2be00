using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json.Serialization;
using Mosaik.Postcard;
using Mosaik.Quic;

namespace Mosaik.Primitives;

/// <summary>
/// 32 opaque bytes that name something; the representation under every other identifier (<i>Digest</i> in Rust).
/// Usually the BLAKE3 hash of a text.
/// </summary>
/// <remarks>
/// spec/wire.md §1. Order is unsigned lexicographic over the bytes. On the wire: 32 raw bytes without a length.
/// JSON: 64 hexadecimal characters, read strictly (no hash fallback).
/// </remarks>
[JsonConverter(typeof(IdentifierJsonConverter<UniqueId>))]
[PostcardConverter(typeof(IdentifierPostcardConverter<UniqueId>))]
public readonly partial struct UniqueId : IEquatable<UniqueId>, IComparable<UniqueId>, ISpanFormattable, IUtf8SpanFormattable,
    ISpanParsable<UniqueId>, IIdentifier<UniqueId>
{
    /// <summary>The size of every identifier in bytes.</summary>
    public const int Length = Bytes32.Length;

    private readonly Bytes32 _bytes;

    private UniqueId(ReadOnlySpan<byte> bytes) => _bytes = new Bytes32(bytes);

    /// <summary>32 zero bytes; equal to <c>default</c>.</summary>
    public static UniqueId Zero => default;

    /// <summary>
    /// The from-string rule: exactly 64 hexadecimal digits (any case) are decoded, every other text is hashed as UTF-8.
    /// Never fails; nothing is trimmed or normalised.
    /// </summary>
    /// <param name="text">Any text, also the empty one.</param>
    /// <returns>The identifier.</returns>
    public static UniqueId From(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return From(text.AsSpan());
    }

    /// <inheritdoc cref="From(string)"/>
    public static UniqueId From(ReadOnlySpan<char> text)
    {
        Span<byte> raw = stackalloc byte[Length];
        if (IdText.TryParseHex(text, raw))
            return new UniqueId(raw);
        int size = Encoding.UTF8.GetByteCount(text);
        byte[]? rented = null;
        Span<byte> utf8 = size <= 256 ? stackalloc byte[size] : (rented = ArrayPool<byte>.Shared.Rent(size)).AsSpan(0, size);
        Encoding.UTF8.GetBytes(text, utf8);
        UniqueId id = Hash(utf8);
        if (rented is not null)
            ArrayPool<byte>.Shared.Return(rented);
        return id;
    }

    /// <summary>
    /// The from-string rule on bytes taken as text: 64 ASCII hexadecimal digits are decoded, everything else is hashed.
    /// A raw 32-byte span is therefore <b>hashed</b>; use <see cref="FromRaw"/> to take bytes as they are.
    /// </summary>
    /// <param name="bytes">The bytes.</param>
    /// <returns>The identifier.</returns>
    public static UniqueId From(ReadOnlySpan<byte> bytes)
    {
        Span<byte> raw = stackalloc byte[Length];
        return IdText.TryParseHex(bytes, raw) ? new UniqueId(raw) : Hash(bytes);
    }

    /// <summary>Exactly these 32 bytes.</summary>
    /// <param name="bytes">32 bytes.</param>
    /// <returns>The identifier.</returns>
    /// <exception cref="ArgumentException">The length is not 32.</exception>
    public static UniqueId FromRaw(ReadOnlySpan<byte> bytes) => TryFromRaw(bytes, out UniqueId id)
        ? id
        : throw new ArgumentException($"An identifier has {Length} bytes, not {bytes.Length}.", nameof(bytes));

    /// <summary>Exactly these 32 bytes; false for any other length.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="id">The identifier.</param>
    /// <returns>Whether there were exactly 32 bytes.</returns>
    public static bool TryFromRaw(ReadOnlySpan<byte> bytes, out UniqueId id)
    {
        id = bytes.Length == Length ? new UniqueId(bytes) : default;
        return bytes.Length == Length;
    }

    /// <summary>BLAKE3 of the bytes, without the hexadecimal special case.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <returns>The hash.</returns>
    public static UniqueId Hash(ReadOnlySpan<byte> bytes) => Hash(bytes, default);

    /// <summary>
    /// BLAKE3 of the concatenated UTF-8 of the parts. Parts are not separated: ("ab", "c") equals ("a", "bc").
    /// </summary>
    /// <param name="parts">The parts.</param>
    /// <returns>The hash.</returns>
    public static UniqueId FromParts(params ReadOnlySpan<string> parts)
    {
        var hasher = new Blake3Hasher();
        foreach (string part in parts)
            hasher.Append(part);
        return FromHasher(hasher);
    }

    /// <summary>BLAKE3 of the concatenated parts, which are not separated.</summary>
    /// <param name="parts">The parts.</param>
    /// <returns>The hash.</returns>
    public static UniqueId FromParts(params ReadOnlySpan<ReadOnlyMemory<byte>> parts)
    {
        var hasher = new Blake3Hasher();
        foreach (ReadOnlyMemory<byte> part in parts)
            hasher.Append(part.Span);
        return FromHasher(hasher);
    }

    /// <summary>32 bytes from a source of randomness.</summary>
    /// <param name="source">The source.</param>
    /// <returns>The identifier.</returns>
    public static UniqueId Random(RandomSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        Span<byte> raw = stackalloc byte[Length];
        source.Fill(raw);
        return new UniqueId(raw);
    }

    /// <summary>Ends a running computation.</summary>
    /// <param name="hasher">The computation; it starts afresh afterwards.</param>
    /// <returns>The hash.</returns>
    public static UniqueId FromHasher(Blake3Hasher hasher)
    {
        ArgumentNullException.ThrowIfNull(hasher);
        Span<byte> raw = stackalloc byte[Length];
        hasher.Finish(raw);
        return new UniqueId(raw);
    }

    /// <summary>BLAKE3 of this id followed by <paramref name="info"/>. Not BLAKE3's derive-key mode.</summary>
    /// <param name="info">Raw bytes: a text's UTF-8, another id, a little-endian integer …</param>
    /// <returns>The derived identifier.</returns>
    public UniqueId Derive(ReadOnlySpan<byte> info) => Hash(_bytes.AsSpan(), info);

    /// <summary>
    /// BLAKE3 of this id followed by the UTF-8 of <paramref name="info"/> (no hexadecimal special case).
    /// </summary>
    /// <param name="info">The text.</param>
    /// <returns>The derived identifier.</returns>
    public UniqueId Derive(string info)
    {
        ArgumentNullException.ThrowIfNull(info);
        return Derive(Encoding.UTF8.GetBytes(info));
    }

    /// <summary>BLAKE3 of this id followed by another id.</summary>
    /// <param name="info">The other id.</param>
    /// <returns>The derived identifier.</returns>
    public UniqueId Derive(UniqueId info) => Derive(info.AsSpan());

    /// <summary>BLAKE3 of the 32 bytes of this id.</summary>
    /// <returns>The hash.</returns>
    public UniqueId Hashed() => Hash(_bytes.AsSpan());

    /// <summary>The 32 bytes, as a view of this value.</summary>
    /// <returns>A span over this value.</returns>
    [UnscopedRef]
    public ReadOnlySpan<byte> AsSpan() => _bytes.AsSpan();

    /// <summary>The 32 bytes, copied.</summary>
    /// <returns>A new array.</returns>
    public byte[] ToByteArray() => _bytes.AsSpan().ToArray();

    /// <summary>Copies the 32 bytes.</summary>
    /// <param name="destination">At least 32 bytes.</param>
    public void CopyTo(Span<byte> destination) => _bytes.AsSpan().CopyTo(destination);

    /// <inheritdoc/>
    public bool Equals(UniqueId other) => _bytes.Equals(other._bytes);

    /// <inheritdoc/>
    public override bool Equals([NotNullWhen(true)] object? obj) => obj is UniqueId other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _bytes.GetHashCode();

    /// <summary>Unsigned lexicographic order of the bytes.</summary>
    /// <param name="other">The other id.</param>
    /// <returns>Negative, zero or positive.</returns>
    public int CompareTo(UniqueId other) => _bytes.Order(other._bytes);

    /// <summary>64 lower-case hexadecimal characters.</summary>
    /// <returns>The full text form.</returns>
    public override string ToString() => ToString(null, null);

    /// <summary>
    /// Format <c>null</c>, <c>""</c> or <c>"G"</c>: 64 hexadecimal characters; <c>"S"</c>: the first 10.
    /// </summary>
    /// <param name="format">The format.</param>
    /// <param name="formatProvider">Ignored.</param>
    /// <returns>The text.</returns>
    public string ToString(string? format, IFormatProvider? formatProvider) => IdText.ToString(_bytes.AsSpan(), format);

    /// <summary>
    /// Format <c>null</c>, <c>""</c> or <c>"G"</c>: 64 hexadecimal characters; <c>"S"</c>: the first 10.
    /// </summary>
    /// <param name="format">The format.</param>
    /// <returns>The text.</returns>
    public string ToString(string? format) => IdText.ToString(_bytes.AsSpan(), format);

    /// <summary>Hexadecimal with the middle left out: the first and last ⌊n/2⌋ bytes, or all when n ≥ 32.</summary>
    /// <param name="length">How many bytes to show.</param>
    /// <returns>The text, such as <c>e039..d811</c>.</returns>
    public string ToAbbreviatedString(int length) => IdText.Abbreviate(_bytes.AsSpan(), length);

    /// <inheritdoc/>
    public bool TryFormat(
        Span<char> destination, out int charsWritten, ReadOnlySpan<char> format, IFormatProvider? provider) =>
        IdText.TryFormat(_bytes.AsSpan(), destination, out charsWritten, format);

    /// <inheritdoc/>
    public bool TryFormat(
        Span<byte> utf8Destination, out int bytesWritten, ReadOnlySpan<char> format, IFormatProvider? provider) =>
        IdText.TryFormat(_bytes.AsSpan(), utf8Destination, out bytesWritten, format);

    /// <summary>The from-string rule, see <see cref="From(string)"/>.</summary>
    /// <param name="s">The text.</param>
    /// <returns>The identifier.</returns>
    public static UniqueId Parse(string s) => From(s);

    /// <summary>The from-string rule, see <see cref="From(string)"/>.</summary>
    /// <param name="s">The text.</param>
    /// <param name="provider">Ignored.</param>
    /// <returns>The identifier.</returns>
    public static UniqueId Parse(string s, IFormatProvider? provider) => From(s);

    /// <summary>The from-string rule, see <see cref="From(string)"/>.</summary>
    /// <param name="s">The text.</param>
    /// <param name="provider">Ignored.</param>
    /// <returns>The identifier.</returns>
    public static UniqueId Parse(ReadOnlySpan<char> s, IFormatProvider? provider) => From(s);

    /// <summary>The from-string rule; false only for <c>null</c>.</summary>
    /// <param name="s">The text.</param>
    /// <param name="provider">Ignored.</param>
    /// <param name="result">The identifier.</param>
    /// <returns>Whether a text was given.</returns>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out UniqueId result)
    {
        result = s is null ? default : From(s);
        return s is not null;
    }

    /// <summary>The from-string rule; always true.</summary>
    /// <param name="s">The text.</param>
    /// <param name="provider">Ignored.</param>
    /// <param name="result">The identifier.</param>
    /// <returns>True.</returns>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out UniqueId result)
    {
        result = From(s);
        return true;
    }

    /// <summary>Equality of the bytes.</summary>
    /// <param name="left">One id.</param>
    /// <param name="right">Another id.</param>
    public static bool operator ==(UniqueId left, UniqueId right) => left.Equals(right);

    /// <summary>Inequality of the bytes.</summary>
    /// <param name="left">One id.</param>
    /// <param name="right">Another id.</param>
    public static bool operator !=(UniqueId left, UniqueId right) => !left.Equals(right);

    /// <summary>Lexicographic order.</summary>
    /// <param name="left">One id.</param>
    /// <param name="right">Another id.</param>
    public static bool operator <(UniqueId left, UniqueId right) => left.CompareTo(right) < 0;

    /// <summary>Lexicographic order.</summary>
    /// <param name="left">One id.</param>
    /// <param name="right">Another id.</param>
    public static bool operator >(UniqueId left, UniqueId right) => left.CompareTo(right) > 0;

    /// <summary>Lexicographic order.</summary>
    /// <param name="left">One id.</param>
    /// <param name="right">Another id.</param>
    public static bool operator <=(UniqueId left, UniqueId right) => left.CompareTo(right) <= 0;

    /// <summary>Lexicographic order.</summary>
    /// <param name="left">One id.</param>
    /// <param name="right">Another id.</param>
    public static bool operator >=(UniqueId left, UniqueId right) => left.CompareTo(right) >= 0;

    private static UniqueId Hash(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        Span<byte> raw = stackalloc byte[Length];
        Blake3Hasher.Hash(first, second, raw);
        return new UniqueId(raw);
    }
}
