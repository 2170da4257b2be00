using System.Runtime.InteropServices;

namespace Mosaik.Quic.Recovery;

/// <summary>
/// What kind of information a sent packet carried (RFC 9000 §13.3 decides what happens when it is lost).
/// </summary>
/// <remarks>
/// The fields of <see cref="SentFrame"/> mean, by kind (fields not named are zero):
/// <list type="table">
/// <item><term><see cref="Ack"/></term><description>Offset = largest packet number acknowledged by the
/// frame.</description></item>
/// <item><term><see cref="Crypto"/></term><description>Offset, Length; the level is that of the packet's
/// space.</description></item>
/// <item><term><see cref="Stream"/></term><description>Id = stream, Offset, Length, Fin.</description></item>
/// <item><term><see cref="MaxData"/>, <see cref="DataBlocked"/></term><description>Offset = the
/// limit.</description></item>
/// <item><term><see cref="MaxStreamData"/>, <see cref="StreamDataBlocked"/></term><description>Id = stream, Offset =
/// the limit.</description></item>
/// <item><term><see cref="MaxStreams"/>, <see cref="StreamsBlocked"/></term><description>Id = 0 bidirectional, 1
/// unidirectional; Offset = the limit.</description></item>
/// <item><term><see cref="ResetStream"/>, <see cref="StopSending"/></term><description>Id = stream, Offset = error
/// code.</description></item>
/// <item><term><see cref="NewConnectionId"/>, <see cref="RetireConnectionId"/></term><description>Id = sequence
/// number.</description></item>
/// <item><term><see cref="PathChallenge"/>, <see cref="PathResponse"/></term><description>Id = path, Offset = the eight
/// bytes of data.</description></item>
/// <item><term><see cref="HandshakeDone"/>, <see cref="NewToken"/>,
/// <see cref="Ping"/></term><description>nothing.</description></item>
/// </list>
/// PADDING and CONNECTION_CLOSE are never recorded.
/// </remarks>
internal enum SentFrameKind : byte
{
    Ack,
    Crypto,
    Stream,
    MaxData,
    MaxStreamData,
    MaxStreams,
    ResetStream,
    StopSending,
    DataBlocked,
    StreamDataBlocked,
    StreamsBlocked,
    NewConnectionId,
    RetireConnectionId,
    HandshakeDone,
    PathChallenge,
    PathResponse,
    NewToken,
    Ping,
}

/// <summary>
/// One frame of a sent packet, reduced to what its owner needs when the packet is acknowledged or lost. The bytes
/// themselves stay with the owner (send buffers, connection id tables); a record never owns memory.
/// </summary>
[StructLayout(LayoutKind.Auto)]   // 24 bytes instead of 32
internal readonly record struct SentFrame(SentFrameKind Kind, ulong Id, ulong Offset, int Length, bool Fin)
{
    /// <summary>A record of a frame with one number.</summary>
    public SentFrame(SentFrameKind kind, ulong id = 0, ulong offset = 0) : this(kind, id, offset, 0, false) { }
}
