namespace Mosaik.Quic.Wire;

/// <summary>
/// The packets of QUIC version 1 (RFC 9000 §17), as a receiver can tell them apart before opening them.
/// </summary>
internal enum PacketType : byte
{
    /// <summary>Long header, type 0.</summary>
    Initial = 0,

    /// <summary>Long header, type 1; recognised so that it can be skipped.</summary>
    ZeroRtt = 1,

    /// <summary>Long header, type 2.</summary>
    Handshake = 2,

    /// <summary>Long header, type 3: not protected, ends its datagram.</summary>
    Retry = 3,

    /// <summary>Short header.</summary>
    OneRtt = 4,

    /// <summary>Long header with version 0: not protected, ends its datagram.</summary>
    VersionNegotiation = 5,

    /// <summary>Long header of a version we do not speak; only the invariants of RFC 8999 are known.</summary>
    UnknownVersion = 6,
}
