namespace Mosaik.Quic.Recovery;

/// <summary>The three packet number spaces (RFC 9000 §12.3), in the order in which they are used.</summary>
internal enum PacketSpaceId : byte
{
    Initial = 0,
    Handshake = 1,
    Application = 2,
}
