namespace Mosaik.Quic.Connection;

/// <summary>
/// Makes a connection behave like peers that are legal but unusual (spec/quic.md §7, §17 "noq-like peer"), so that
/// tests
/// reach the rare paths of the other side. Everything is off by default.
/// </summary>
internal sealed record ConnectionKnobs
{
    /// <summary>Nothing unusual.</summary>
    public static ConnectionKnobs None { get; } = new();

    /// <summary>Start a key update after so many 1-RTT packets of a key; 0 = only at the AEAD limit.</summary>
    public ulong KeyUpdateAfterPackets { get; init; }

    /// <summary>
    /// At most so many bytes of frames in one Initial packet before padding; 0 = no limit. Splits a ClientHello.
    /// </summary>
    public int MaxInitialFrameBytes { get; init; }

    /// <summary>
    /// Sizes of PING + PADDING datagrams sent once the handshake is confirmed, like the MTU probes of noq.
    /// </summary>
    public IReadOnlyList<int> MtuProbes { get; init; } = [];

    /// <summary>Rewrites the encoded transport parameters (order, grease); null = as encoded.</summary>
    public Func<byte[], byte[]>? TransportParameters { get; init; }

    /// <summary>A fixed X25519 private key, for recorded conversations.</summary>
    public ReadOnlyMemory<byte> FixedX25519PrivateKey { get; init; }

    /// <summary>Use this destination id for the first Initial of a client instead of 20 random bytes.</summary>
    public ReadOnlyMemory<byte> OriginalDestination { get; init; }

    /// <summary>Leave out SNI.</summary>
    public bool OmitServerName { get; init; }
}
