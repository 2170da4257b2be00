namespace Mosaik.Quic.Recovery;

/// <summary>What became of a packet number.</summary>
internal enum SentPacketState : byte
{
    /// <summary>The number was skipped or the slot was never used.</summary>
    NotSent,

    /// <summary>Sent, fate unknown.</summary>
    Outstanding,

    /// <summary>Acknowledged.</summary>
    Acknowledged,

    /// <summary>Declared lost.</summary>
    Lost,
}

/// <summary>
/// The record of one sent packet (RFC 9002 §A.1.1); its number is its place in <see cref="SentPackets"/>.
/// </summary>
internal struct SentPacket
{
    /// <summary>When it was sent.</summary>
    public TimeSpan TimeSent;

    /// <summary>Its frames, released by <see cref="SentPackets"/>.</summary>
    public SentFrameList Frames;

    /// <summary>Bytes of the packet, header and tag included, UDP and IP headers not.</summary>
    public int Size;

    /// <summary>
    /// The path it was sent on, counted by address changes; only the current one feeds RTT and congestion control.
    /// </summary>
    public int PathGeneration;

    /// <summary>Its fate.</summary>
    public SentPacketState State;

    /// <summary>Whether it makes the peer send an ACK.</summary>
    public bool AckEliciting;

    /// <summary>Whether it counts towards bytes in flight: ack-eliciting or padded.</summary>
    public bool InFlight;
}
