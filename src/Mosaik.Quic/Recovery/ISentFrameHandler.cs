namespace Mosaik.Quic.Recovery;

/// <summary>
/// Learns the fate of sent frames. Implemented by the connection, which hands each frame to its owner (streams, crypto
/// streams, connection ids, received ranges).
/// </summary>
/// <remarks>
/// Every recorded frame is reported at most once, acknowledged or lost. Frames of a packet that is repeated as a probe
/// are
/// reported lost although the packet may still arrive: the receiver sees them twice, which every frame allows. The
/// span is valid during the call only, and the implementation must not call back into the <see cref="LossDetector"/>.
/// </remarks>
internal interface ISentFrameHandler
{
    /// <summary>The peer has the frames.</summary>
    void OnFramesAcknowledged(PacketSpaceId space, ReadOnlySpan<SentFrame> frames);

    /// <summary>The frames must be sent again where their information is still current (RFC 9000 §13.3).</summary>
    void OnFramesLost(PacketSpaceId space, ReadOnlySpan<SentFrame> frames);
}
