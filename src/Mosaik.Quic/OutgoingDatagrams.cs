using System.Net;

namespace Mosaik.Quic;

/// <summary>
/// One or more datagrams for one receiver, back to back: all <see cref="SegmentSize"/> bytes long, the last one maybe
/// shorter.
/// </summary>
/// <param name="payload">The bytes, at least one; only valid during the call that gets them.</param>
/// <param name="segmentSize">Length of each datagram but the last.</param>
/// <param name="remote">The receiver.</param>
/// <param name="ecn">The mark the datagrams should carry.</param>
public readonly ref struct OutgoingDatagrams(ReadOnlySpan<byte> payload, int segmentSize, IPEndPoint remote, Ecn ecn)
{
    /// <summary>The bytes, at least one; only valid during the call that gets them.</summary>
    public ReadOnlySpan<byte> Payload { get; } = payload;

    /// <summary>Length of each datagram but the last.</summary>
    public int SegmentSize { get; } = segmentSize;

    /// <summary>The receiver.</summary>
    public IPEndPoint Remote { get; } = remote;

    /// <summary>The mark the datagrams should carry. A socket that cannot mark sends them unmarked.</summary>
    public Ecn Ecn { get; } = ecn;

    /// <summary>Number of datagrams.</summary>
    public int Count => (Payload.Length + SegmentSize - 1) / SegmentSize;
}
