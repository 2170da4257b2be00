namespace Mosaik.Quic.Streams;

/// <summary>
/// A stream id (RFC 9000 §2.1): bit 0 says who opened the stream (0 client, 1 server), bit 1 its direction (0 both
/// ways, 1 one way), the rest counts the streams of that kind.
/// </summary>
internal readonly record struct StreamId(ulong Value)
{
    /// <summary>The id of the stream number <paramref name="index"/> of its kind.</summary>
    public static StreamId Create(ulong index, bool serverInitiated, bool bidirectional) =>
        new((index << 2) | (bidirectional ? 0UL : 2UL) | (serverInitiated ? 1UL : 0UL));

    /// <summary>True when both sides may send.</summary>
    public bool IsBidirectional => (Value & 2) == 0;

    /// <summary>True when the server opened it.</summary>
    public bool IsServerInitiated => (Value & 1) != 0;

    /// <summary>The number of the stream among those of its kind.</summary>
    public ulong Index => Value >> 2;

    /// <summary>The number, as frames carry it.</summary>
    public static implicit operator ulong(StreamId id) => id.Value;

    /// <inheritdoc/>
    public override string ToString() =>
        $"{(IsServerInitiated ? "server" : "client")} {(IsBidirectional ? "bidi" : "uni")} {Index}";
}
