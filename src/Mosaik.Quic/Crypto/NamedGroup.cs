namespace Mosaik.Quic.Crypto;

/// <summary>The key-exchange groups of the profile (spec/quic.md §3.8), with their numbers on the wire.</summary>
internal enum NamedGroup : ushort
{
    /// <summary>NIST P-256 with uncompressed points.</summary>
    P256 = 0x0017,

    /// <summary>X25519 (RFC 7748).</summary>
    X25519 = 0x001d,
}
