using System.Buffers.Binary;
using Mosaik.Quic;

namespace Mosaik.Groups;

/// <summary>
/// 16 random bytes drawn when a process joins a group: they tell a restarted process from the one before it, whose memory it
/// has not (spec/groups.md §4.8).
/// </summary>
/// <remarks>Ordered like the bytes. All zero stands for a peer that sends none.</remarks>
public readonly record struct Incarnation : IComparable<Incarnation>
{
    /// <summary>The size in bytes.</summary>
    public const int Length = 16;

    private readonly UInt128 _value;

    private Incarnation(UInt128 value) => _value = value;

    /// <summary>That of a peer that sends none.</summary>
    public static Incarnation None => default;

    /// <summary>Exactly these bytes.</summary>
    /// <param name="bytes">16 bytes.</param>
    /// <returns>The incarnation.</returns>
    /// <exception cref="ArgumentException">The length is not 16.</exception>
    public static Incarnation FromRaw(ReadOnlySpan<byte> bytes) => bytes.Length == Length
        ? new Incarnation(BinaryPrimitives.ReadUInt128BigEndian(bytes))
        : throw new ArgumentException("An incarnation is 16 bytes.", nameof(bytes));

    /// <summary>A new one.</summary>
    /// <param name="source">Where the bytes come from.</param>
    /// <returns>The incarnation.</returns>
    public static Incarnation Random(RandomSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        Span<byte> bytes = stackalloc byte[Length];
        source.Fill(bytes);
        return FromRaw(bytes);
    }

    /// <summary>Copies the 16 bytes.</summary>
    /// <param name="destination">At least 16 bytes.</param>
    public void CopyTo(Span<byte> destination) => BinaryPrimitives.WriteUInt128BigEndian(destination, _value);

    /// <inheritdoc/>
    public int CompareTo(Incarnation other) => _value.CompareTo(other._value);

    /// <summary>32 hexadecimal characters.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => _value.ToString("x32", null);

    /// <summary>Order of the bytes.</summary>
    /// <param name="left">One incarnation.</param>
    /// <param name="right">Another incarnation.</param>
    public static bool operator <(Incarnation left, Incarnation right) => left.CompareTo(right) < 0;

    /// <summary>Order of the bytes.</summary>
    /// <param name="left">One incarnation.</param>
    /// <param name="right">Another incarnation.</param>
    public static bool operator >(Incarnation left, Incarnation right) => left.CompareTo(right) > 0;

    /// <summary>Order of the bytes.</summary>
    /// <param name="left">One incarnation.</param>
    /// <param name="right">Another incarnation.</param>
    public static bool operator <=(Incarnation left, Incarnation right) => left.CompareTo(right) <= 0;

    /// <summary>Order of the bytes.</summary>
    /// <param name="left">One incarnation.</param>
    /// <param name="right">Another incarnation.</param>
    public static bool operator >=(Incarnation left, Incarnation right) => left.CompareTo(right) >= 0;
}
