using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Mosaik.Quic.Wire;

/// <summary>
/// What can be read from a packet before header protection is removed (RFC 9000 §17, RFC 8999). All positions count
/// from the start of the datagram.
/// </summary>
/// <remarks>
/// <para>
/// A datagram holds one or more packets (RFC 9000 §12.2). <see cref="TryParse"/> reads the one at an offset and says in
/// <see cref="End"/> where the next begins; Initial, 0-RTT and Handshake packets state their length, every other packet
/// reaches to the end of the datagram. False means that nothing from this offset on can be used: the rest of the
/// datagram is dropped, what came before stays processed. A packet that cannot be opened is skipped by continuing at
/// <see cref="End"/>; that it may carry another destination connection id than its neighbours is for the caller to
/// check.
/// </para>
/// <para>
/// Checked here: the fixed bit (version 1 only), lengths within the datagram, connection ids of at most 20 bytes in
/// version 1 and of any length otherwise, a packet number and payload of at least 4 bytes and room for the 16-byte
/// sample (else <see cref="HasSample"/> is false), Retry with its 16-byte tag, Version Negotiation with whole versions.
/// Not checked here: reserved bits, which are protected (see <see cref="HasReservedBits"/>), and the datagram size of
/// Initials.
/// </para>
/// </remarks>
[StructLayout(LayoutKind.Auto)]
internal readonly struct PacketHeader
{
    /// <summary>QUIC version 1, the only one spoken (spec/quic.md §6.1).</summary>
    public const uint Version1 = 1;

    /// <summary>The bit that marks a long header.</summary>
    public const byte LongHeaderBit = 0x80;

    /// <summary>The bit that is 1 in every packet of version 1.</summary>
    public const byte FixedBit = 0x40;

    private const int SampleOffset = 4;   // the sample starts 4 bytes after the start of the packet number (RFC 9001 §5.4.2)
    private const int SampleLength = 16;
    private const int RetryTagLength = 16;

    /// <summary>Which packet it is.</summary>
    public PacketType Type { get; private init; }

    /// <summary>The version of a long header; 0 for Version Negotiation and short headers.</summary>
    public uint Version { get; private init; }

    /// <summary>
    /// The destination connection id. Empty when an unknown version uses more than 20 bytes; see the range.
    /// </summary>
    public ConnectionId DestinationConnectionId { get; private init; }

    /// <summary>
    /// The source connection id of a long header. Empty when an unknown version uses more than 20 bytes.
    /// </summary>
    public ConnectionId SourceConnectionId { get; private init; }

    /// <summary>The bytes of the destination connection id, up to 255 of them in unknown versions.</summary>
    public (int Offset, int Length) DestinationIdRange { get; private init; }

    /// <summary>The bytes of the source connection id, up to 255 of them in unknown versions.</summary>
    public (int Offset, int Length) SourceIdRange { get; private init; }

    /// <summary>The token of an Initial or Retry packet.</summary>
    public (int Offset, int Length) TokenRange { get; private init; }

    /// <summary>The list of versions in a Version Negotiation packet, four bytes each.</summary>
    public (int Offset, int Length) VersionsRange { get; private init; }

    /// <summary>Where the packet starts.</summary>
    public int Start { get; private init; }

    /// <summary>Where the (protected) packet number starts; 0 for packets without one.</summary>
    public int PacketNumberOffset { get; private init; }

    /// <summary>Where the packet ends and the next one of the datagram begins.</summary>
    public int End { get; private init; }

    /// <summary>True for packets with packet number and payload, which can be opened with keys.</summary>
    public bool IsProtected => Type is PacketType.Initial or PacketType.ZeroRtt or PacketType.Handshake or PacketType.OneRtt;

    /// <summary>
    /// False when the packet is too short for the header-protection sample; such a packet is skipped.
    /// </summary>
    public bool HasSample => IsProtected && End - PacketNumberOffset >= SampleOffset + SampleLength;

    /// <summary>
    /// True when a first byte, after header protection was removed, has a reserved bit set; after the packet was opened
    /// this is a PROTOCOL_VIOLATION (RFC 9000 §17.2, §17.3.1).
    /// </summary>
    public static bool HasReservedBits(byte firstByte) => (firstByte & ((firstByte & LongHeaderBit) != 0 ? 0x0c : 0x18)) != 0;

    /// <summary>The key phase in the first byte of a short header, after header protection was removed.</summary>
    public static bool KeyPhase(byte firstByte) => (firstByte & 0x04) != 0;

    /// <summary>The length of the packet number in a first byte, after header protection was removed.</summary>
    public static int PacketNumberLength(byte firstByte) => (firstByte & 0x03) + 1;

    /// <summary>
    /// Reads the destination connection id of any datagram without further checks, to route it. Ids of unknown versions
    /// with more than 20 bytes, which never are ours, give false.
    /// </summary>
    public static bool TryReadDestination(ReadOnlySpan<byte> datagram, out ConnectionId id)
    {
        id = default;
        if (datagram.IsEmpty)
            return false;
        if ((datagram[0] & LongHeaderBit) == 0)
            return ConnectionId.TryRead(datagram[1..], ConnectionId.LocalLength, out id);
        return datagram.Length > 5 && ConnectionId.TryRead(datagram[6..], datagram[5], out id);
    }

    /// <summary>
    /// Reads the header of the packet that starts at <paramref name="offset"/>; false when it is malformed.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> datagram, int offset, out PacketHeader header)
    {
        header = default;
        if ((uint)offset >= (uint)datagram.Length)
            return false;
        return (datagram[offset] & LongHeaderBit) == 0
            ? TryParseShort(datagram, offset, out header)
            : TryParseLong(datagram, offset, out header);
    }

    private static bool TryParseShort(ReadOnlySpan<byte> datagram, int offset, out PacketHeader header)
    {
        header = default;
        if ((datagram[offset] & FixedBit) == 0
            || !ConnectionId.TryRead(datagram[(offset + 1)..], ConnectionId.LocalLength, out ConnectionId destination))
        {
            return false;
        }
        header = new PacketHeader
        {
            Type = PacketType.OneRtt,
            DestinationConnectionId = destination,
            DestinationIdRange = (offset + 1, ConnectionId.LocalLength),
            Start = offset,
            PacketNumberOffset = offset + 1 + ConnectionId.LocalLength,
            End = datagram.Length,
        };
        return true;
    }

    private static bool TryParseLong(ReadOnlySpan<byte> datagram, int offset, out PacketHeader header)
    {
        header = default;
        int position = offset + 1;
        if (datagram.Length - position < 5)
            return false;
        uint version = BinaryPrimitives.ReadUInt32BigEndian(datagram[position..]);
        position += 4;
        if (!TryReadIdRange(datagram, ref position, out (int Offset, int Length) destinationRange)
            || !TryReadIdRange(datagram, ref position, out (int Offset, int Length) sourceRange))
        {
            return false;
        }
        bool idsFit = destinationRange.Length <= ConnectionId.MaxLength && sourceRange.Length <= ConnectionId.MaxLength;
        if (version == Version1 && (!idsFit || (datagram[offset] & FixedBit) == 0))
            return false;
        header = new PacketHeader
        {
            Type = version switch
            {
                0 => PacketType.VersionNegotiation,
                Version1 => (PacketType)((datagram[offset] >> 4) & 0x03),
                _ => PacketType.UnknownVersion,
            },
            Version = version,
            DestinationIdRange = destinationRange,
            SourceIdRange = sourceRange,
            DestinationConnectionId = idsFit ? new(datagram.Slice(destinationRange.Offset, destinationRange.Length)) : default,
            SourceConnectionId = idsFit ? new(datagram.Slice(sourceRange.Offset, sourceRange.Length)) : default,
            Start = offset,
            End = datagram.Length,
        };
        return header.Type switch
        {
            PacketType.UnknownVersion => true,
            PacketType.VersionNegotiation => TryParseVersions(datagram, position, ref header),
            PacketType.Retry => TryParseRetry(datagram, position, ref header),
            _ => TryParseProtected(datagram, position, ref header),
        };
    }

    private static bool TryReadIdRange(ReadOnlySpan<byte> datagram, ref int position, out (int Offset, int Length) range)
    {
        range = default;
        if (position >= datagram.Length)
            return false;
        int length = datagram[position++];
        if (length > datagram.Length - position)
            return false;
        range = (position, length);
        position += length;
        return true;
    }

    private static bool TryParseVersions(ReadOnlySpan<byte> datagram, int position, ref PacketHeader header)
    {
        int length = datagram.Length - position;
        if (length == 0 || length % 4 != 0)
            return false;
        header = header with { VersionsRange = (position, length) };
        return true;
    }

    private static bool TryParseRetry(ReadOnlySpan<byte> datagram, int position, ref PacketHeader header)
    {
        // A Retry without token is useless and refused by clients (RFC 9000 §17.2.5.2).
        int length = datagram.Length - position - RetryTagLength;
        if (length <= 0)
            return false;
        header = header with { TokenRange = (position, length) };
        return true;
    }

    private static bool TryParseProtected(ReadOnlySpan<byte> datagram, int position, ref PacketHeader header)
    {
        (int Offset, int Length) token = default;
        if (header.Type == PacketType.Initial)
        {
            if (!VarInt.TryRead(datagram, ref position, out ulong tokenLength)
                || tokenLength > (ulong)(datagram.Length - position))
            {
                return false;
            }
            token = (position, (int)tokenLength);
            position += (int)tokenLength;
        }
        if (!VarInt.TryRead(datagram, ref position, out ulong length) || length > (ulong)(datagram.Length - position))
            return false;
        header = header with { TokenRange = token, PacketNumberOffset = position, End = position + (int)length };
        return true;
    }
}
