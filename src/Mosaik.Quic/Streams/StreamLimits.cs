namespace Mosaik.Quic.Streams;

/// <summary>The limits of the stream layer (spec/quic.md §6.2, spec/reliability.md §11).</summary>
internal static class StreamLimits
{
    /// <summary>Bytes of one stream that are written and not yet in packets; beyond it writes wait and go on
    /// at half of it (E15). An option may change it.</summary>
    public const int UnsentPerStream = 256 * 1024;

    /// <summary>
    /// Bytes of all streams that are written and not yet acknowledged (E15). An option may change it.
    /// </summary>
    public const int UnacknowledgedPerConnection = 10_000_000;

    /// <summary>The largest receive window that is supported: positions within it are 32-bit numbers.</summary>
    public const ulong LargestWindow = 1 << 30;

    /// <summary>CRYPTO bytes that are buffered per level (E7).</summary>
    public const int CryptoBuffer = 64 * 1024;

    /// <summary>
    /// Data that would have to be cut shorter than this waits for the next packet, unless the packet is empty.
    /// </summary>
    public const int SmallestFragment = 32;

    /// <summary>MAX_STREAMS is sent when this fraction of the streams allowed has finished.</summary>
    public const ulong StreamUpdateFraction = 8;
}
