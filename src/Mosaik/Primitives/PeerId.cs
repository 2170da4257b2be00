using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;
using Mosaik.Postcard;
using Mosaik.Quic.Crypto;

namespace Mosaik.Primitives;

/// <summary>
/// A node: its Ed25519 public key, 32 raw bytes on the wire. The handshake of every connection proves it.
/// </summary>
/// <remarks>
/// spec/wire.md §4. Not a hash, so there is no conversion from arbitrary text: every way in checks that the bytes are a
/// point of the curve. A key of small order passes that check, but no signature ever verifies under it.
/// </remarks>
[JsonConverter(typeof(IdentifierJsonConverter<PeerId>))]
[PostcardConverter(typeof(IdentifierPostcardConverter<PeerId>))]
public readonly record struct PeerId : IComparable<PeerId>, ISpanFormattable, IUtf8SpanFormattable, ISpanParsable<PeerId>,
    IIdentifier<PeerId>
{
    /// <summary>The size in bytes.</summary>
    public const int Length = Bytes32.Length;

    private readonly Bytes32 _bytes;

    private PeerId(ReadOnlySpan<byte> bytes) => _bytes = new Bytes32(bytes);

    /// <summary>
    /// The key with exactly these 32 bytes. Costs the decompression of a point (tens of microseconds), unless the key
    /// was seen lately.
    /// </summary>
    /// <param name="bytes">32 bytes.</param>
    /// <returns>The peer id.</returns>
    /// <exception cref="ArgumentException">Not 32 bytes, or not a point of the curve.</exception>
    public static PeerId FromRaw(ReadOnlySpan<byte> bytes) => TryFromRaw(bytes, out PeerId id)
        ? id
        : throw new ArgumentException("A peer id is 32 bytes that are a point of the Ed25519 curve.", nameof(bytes));

    /// <summary>The key with exactly these 32 bytes; false when they are not a point of the curve.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="id">The peer id.</param>
    /// <returns>Whether the bytes are a key.</returns>
    public static bool TryFromRaw(ReadOnlySpan<byte> bytes, out PeerId id)
    {
        id = default;
        if (bytes.Length != Length)
            return false;
        if (!KnownPoints.Contains(bytes))
        {
            if (!Ed25519Strict.IsValidPoint(bytes))
                return false;
            KnownPoints.Add(bytes);
        }

        id = new PeerId(bytes);
        return true;
    }

    /// <summary>
    /// The bytes without the check, for keys that are proven elsewhere: by a handshake, by a signature verified under
    /// them,
    /// or because they only serve to look something up.
    /// </summary>
    internal static PeerId FromRawUnchecked(ReadOnlySpan<byte> bytes) => new(bytes);

    /// <inheritdoc cref="UniqueId.AsSpan"/>
    [UnscopedRef]
    public ReadOnlySpan<byte> AsSpan() => _bytes.AsSpan();

    /// <summary>The 32 bytes, copied.</summary>
    /// <returns>A new array.</returns>
    public byte[] ToByteArray() => _bytes.AsSpan().ToArray();

    /// <summary>Copies the 32 bytes.</summary>
    /// <param name="destination">At least 32 bytes.</param>
    public void CopyTo(Span<byte> destination) => _bytes.AsSpan().CopyTo(destination);

    /// <summary>Unsigned lexicographic order of the bytes.</summary>
    /// <param name="other">The other id.</param>
    /// <returns>Negative, zero or positive.</returns>
    public int CompareTo(PeerId other) => _bytes.Order(other._bytes);

    /// <summary>64 lower-case hexadecimal characters.</summary>
    /// <returns>The full text form.</returns>
    public override string ToString() => IdText.ToString(_bytes.AsSpan(), null);

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

    /// <inheritdoc cref="UniqueId.ToAbbreviatedString"/>
    public string ToAbbreviatedString(int length) => IdText.Abbreviate(_bytes.AsSpan(), length);

    /// <inheritdoc/>
    public bool TryFormat(
        Span<char> destination, out int charsWritten, ReadOnlySpan<char> format, IFormatProvider? provider) =>
        IdText.TryFormat(_bytes.AsSpan(), destination, out charsWritten, format);

    /// <inheritdoc/>
    public bool TryFormat(
        Span<byte> utf8Destination, out int bytesWritten, ReadOnlySpan<char> format, IFormatProvider? provider) =>
        IdText.TryFormat(_bytes.AsSpan(), utf8Destination, out bytesWritten, format);

    /// <inheritdoc cref="Parse(string, IFormatProvider)"/>
    public static PeerId Parse(string s) => Parse(s, null);

    /// <summary>64 lower-case hexadecimal characters, or 52 characters of base32 in any case.</summary>
    /// <param name="s">The text.</param>
    /// <param name="provider">Ignored.</param>
    /// <returns>The peer id.</returns>
    /// <exception cref="FormatException">The text has another form or is not a point of the curve.</exception>
    public static PeerId Parse(string s, IFormatProvider? provider)
    {
        ArgumentNullException.ThrowIfNull(s);
        return Parse(s.AsSpan(), provider);
    }

    /// <inheritdoc cref="Parse(string, IFormatProvider)"/>
    public static PeerId Parse(ReadOnlySpan<char> s, IFormatProvider? provider) => TryParse(s, provider, out PeerId id)
        ? id
        : throw new FormatException("A peer id is written as 64 lower-case hexadecimal or 52 base32 characters of a valid key.");

    /// <inheritdoc cref="TryParse(ReadOnlySpan{char}, IFormatProvider, out PeerId)"/>
    public static bool TryParse([NotNullWhen(true)] string? s, out PeerId result) => TryParse(s.AsSpan(), null, out result);

    /// <inheritdoc cref="TryParse(ReadOnlySpan{char}, IFormatProvider, out PeerId)"/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out PeerId result) =>
        TryParse(s.AsSpan(), provider, out result);

    /// <summary>64 lower-case hexadecimal characters, or 52 characters of base32 in any case.</summary>
    /// <param name="s">The text.</param>
    /// <param name="provider">Ignored.</param>
    /// <param name="result">The peer id.</param>
    /// <returns>Whether the text has one of the forms and is a point of the curve.</returns>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out PeerId result)
    {
        Span<byte> raw = stackalloc byte[Length];
        bool parsed = s.Length == Length * 2 ? IdText.TryParseHex(s, raw, lowerOnly: true) : Base32.TryDecode(s, raw);
        if (parsed)
            return TryFromRaw(raw, out result);
        result = default;
        return false;
    }

    /// <summary>The key with exactly these 32 bytes, see <see cref="FromRaw"/>.</summary>
    /// <param name="bytes">32 bytes.</param>
    public static explicit operator PeerId(ReadOnlySpan<byte> bytes) => FromRaw(bytes);

    /// <summary>The 32 bytes.</summary>
    /// <param name="id">The peer id.</param>
    public static explicit operator byte[](PeerId id) => id.ToByteArray();

    /// <summary>Lexicographic order.</summary>
    /// <param name="left">One id.</param>
    /// <param name="right">Another id.</param>
    public static bool operator <(PeerId left, PeerId right) => left.CompareTo(right) < 0;

    /// <summary>Lexicographic order.</summary>
    /// <param name="left">One id.</param>
    /// <param name="right">Another id.</param>
    public static bool operator >(PeerId left, PeerId right) => left.CompareTo(right) > 0;

    /// <summary>Lexicographic order.</summary>
    /// <param name="left">One id.</param>
    /// <param name="right">Another id.</param>
    public static bool operator <=(PeerId left, PeerId right) => left.CompareTo(right) <= 0;

    /// <summary>Lexicographic order.</summary>
    /// <param name="left">One id.</param>
    /// <param name="right">Another id.</param>
    public static bool operator >=(PeerId left, PeerId right) => left.CompareTo(right) >= 0;
}
