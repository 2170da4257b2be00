using Mosaik.Quic.Paths;

namespace Mosaik.Quic.Connection;

/// <summary>
/// What a poll for output produced: one or more datagrams of one path and one ECN mark, back to back in the caller's
/// buffer
/// (spec/performance.md §4.1).
/// </summary>
/// <param name="Path">Where the datagrams go, and from which local address.</param>
/// <param name="Length">Bytes used in the buffer.</param>
/// <param name="SegmentSize">Size of every datagram but the last, which may be shorter. Equal to <see cref="Length"/>
/// for
/// one datagram.</param>
/// <param name="Ecn">The mark to send with.</param>
internal readonly record struct Transmit(PathAddress Path, int Length, int SegmentSize, Ecn Ecn)
{
    /// <summary>At most so many datagrams in one batch (spec/performance.md §4.1 rule 2).</summary>
    public const int MaxSegments = 32;

    /// <summary>At most so many bytes in one batch. A buffer of this size is never the reason to end one.</summary>
    public const int MaxBytes = 60_000;

    /// <summary>The number of datagrams.</summary>
    public int DatagramCount => SegmentSize == 0 ? 0 : (Length + SegmentSize - 1) / SegmentSize;
}
