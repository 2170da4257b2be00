using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Mosaik.Quic.Wire;

/// <summary>
/// A connection id of at most 20 bytes (RFC 9000 §17.2), held inline: copying or comparing one allocates nothing. Bytes
/// behind the length are always zero, so that equality compares whole words.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
[SuppressMessage("Performance", "CA1815", Justification = "Equality is implemented.")]
internal readonly struct ConnectionId : IEquatable<ConnectionId>
{
    /// <summary>The largest length of QUIC version 1.</summary>
    public const int MaxLength = 20;

    /// <summary>
    /// The length of every connection id this endpoint issues; short headers rely on it (spec/quic.md §6.2).
    /// </summary>
    public const int LocalLength = 8;

    private readonly ulong _first;
    private readonly ulong _second;
    private readonly uint _third;
    private readonly byte _length;

    /// <summary>An id with these bytes.</summary>
    /// <exception cref="ArgumentException">More than 20 bytes; parsers check the length first.</exception>
    public ConnectionId(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > MaxLength)
            throw new ArgumentException("A connection id has at most 20 bytes.", nameof(bytes));
        Span<byte> padded = stackalloc byte[24];
        padded.Clear();
        bytes.CopyTo(padded);
        _first = BinaryPrimitives.ReadUInt64BigEndian(padded);
        _second = BinaryPrimitives.ReadUInt64BigEndian(padded[8..]);
        _third = BinaryPrimitives.ReadUInt32BigEndian(padded[16..]);
        _length = (byte)bytes.Length;
    }

    private ConnectionId(ulong value)
    {
        _first = value;
        _length = LocalLength;
    }

    /// <summary>The id of length zero.</summary>
    public static ConnectionId Empty => default;

    /// <summary>The number of bytes, 0 to 20.</summary>
    public int Length => _length;

    /// <summary>True for the id of length zero.</summary>
    public bool IsEmpty => _length == 0;

    /// <summary>
    /// The first eight bytes as a big-endian number; for ids of exactly eight bytes (all we issue) this identifies the
    /// id.
    /// </summary>
    public ulong AsUInt64 => _first;

    /// <summary>The id of eight bytes that <see cref="AsUInt64"/> maps to <paramref name="value"/>.</summary>
    public static ConnectionId FromUInt64(ulong value) => new(value);

    /// <summary>
    /// Reads an id of <paramref name="length"/> bytes; false when it is too long or the bytes end too early.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> source, int length, out ConnectionId id)
    {
        if ((uint)length > MaxLength || length > source.Length)
        {
            id = default;
            return false;
        }
        id = new ConnectionId(source[..length]);
        return true;
    }

    /// <summary>
    /// Copies the bytes to the start of <paramref name="destination"/> and returns how many there are.
    /// </summary>
    public int CopyTo(Span<byte> destination)
    {
        Span<byte> padded = stackalloc byte[24];
        BinaryPrimitives.WriteUInt64BigEndian(padded, _first);
        BinaryPrimitives.WriteUInt64BigEndian(padded[8..], _second);
        BinaryPrimitives.WriteUInt32BigEndian(padded[16..], _third);
        padded[.._length].CopyTo(destination);
        return _length;
    }

    /// <summary>The bytes as a new array (for derivations that want a span on the heap, and for tests).</summary>
    public byte[] ToArray()
    {
        byte[] bytes = new byte[_length];
        CopyTo(bytes);
        return bytes;
    }

    /// <inheritdoc/>
    public bool Equals(ConnectionId other) =>
        _first == other._first && _second == other._second && _third == other._third && _length == other._length;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is ConnectionId other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_first, _second, _third, _length);

    /// <summary>Lower-case hexadecimal.</summary>
    public override string ToString() => Convert.ToHexStringLower(ToArray());

    /// <summary>Same length and bytes.</summary>
    public static bool operator ==(ConnectionId left, ConnectionId right) => left.Equals(right);

    /// <summary>Different length or bytes.</summary>
    public static bool operator !=(ConnectionId left, ConnectionId right) => !left.Equals(right);
}
