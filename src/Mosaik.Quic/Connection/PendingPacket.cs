using Mosaik.Quic.Crypto;
using Mosaik.Quic.Recovery;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Connection;

/// <summary>
/// A packet whose frames are written but which is not sealed: the last packet of a datagram can still be padded.
/// </summary>
internal struct PendingPacket
{
    /// <summary>Keys, space and type.</summary>
    public LevelState State;

    /// <summary>Where it starts in its datagram.</summary>
    public int Start;

    /// <summary>Where the parts of its header are.</summary>
    public PacketHeaderLayout Layout;

    /// <summary>Its number.</summary>
    public ulong Number;

    /// <summary>Bytes of frames, padding included.</summary>
    public int PayloadLength;

    /// <summary>True when the peer has to acknowledge it.</summary>
    public bool AckEliciting;

    /// <summary>True when it has PADDING and thus counts as in flight (RFC 9002 §2).</summary>
    public bool Padded;

    /// <summary>What to remember about its frames.</summary>
    public SentFrameList Frames;

    /// <summary>Its bytes once sealed.</summary>
    public readonly int SealedLength => Layout.HeaderLength + PayloadLength + PacketProtection.TagLength;
}
