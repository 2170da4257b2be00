using Mosaik.Quic.Paths;
using Mosaik.Quic.Tls;

namespace Mosaik.Quic.Connection;

/// <summary>Why a received packet was not used.</summary>
internal enum PacketDropReason
{
    /// <summary>The header could not be read, the fixed bit was 0 or the version was not ours.</summary>
    HeaderInvalid,

    /// <summary>The connection id belongs to nobody or differs from the first packet of the datagram.</summary>
    ConnectionIdMismatch,

    /// <summary>No keys for this level yet, and no room to keep the packet.</summary>
    KeysUnavailable,

    /// <summary>The keys of this level are gone.</summary>
    KeysDiscarded,

    /// <summary>The authentication tag is wrong.</summary>
    AuthenticationFailed,

    /// <summary>The packet number was seen before.</summary>
    Duplicate,

    /// <summary>The source address may not be used now.</summary>
    UnexpectedPath,

    /// <summary>A Retry or Version Negotiation packet that may not be acted on.</summary>
    Unexpected,
}

/// <summary>
/// Receives what a connection does, in the terms of qlog (draft-ietf-quic-qlog-quic-events). A connection without a
/// trace
/// pays one null check per event. Every method does nothing by default; an implementation overrides what it wants and
/// must not throw.
/// </summary>
internal abstract class ConnectionTrace
{
    /// <summary>connectivity:connection_started.</summary>
    public virtual void Started(TimeSpan now, bool isClient, in PathAddress path) { }

    /// <summary>connectivity:connection_state_updated.</summary>
    public virtual void StateChanged(TimeSpan now, ConnectionState state, QuicCloseInfo? close) { }

    /// <summary>transport:packet_sent.</summary>
    public virtual void PacketSent(
        TimeSpan now, EncryptionLevel level, ulong packetNumber, int size, bool ackEliciting)
    { }

    /// <summary>transport:packet_received, after the packet was opened; the payload is in the clear.</summary>
    public virtual void PacketReceived(TimeSpan now, EncryptionLevel level, ulong packetNumber, int size,
        ReadOnlySpan<byte> payload)
    { }

    /// <summary>transport:packet_dropped.</summary>
    public virtual void PacketDropped(TimeSpan now, PacketDropReason reason, int size) { }

    /// <summary>recovery:packet_lost.</summary>
    public virtual void PacketsLost(TimeSpan now, EncryptionLevel level, int count) { }

    /// <summary>recovery:metrics_updated.</summary>
    public virtual void MetricsUpdated(
        TimeSpan now, TimeSpan smoothedRtt, long congestionWindow, long bytesInFlight)
    { }

    /// <summary>security:key_updated (generation above 0) and the installation of keys (generation 0).</summary>
    public virtual void KeyUpdated(TimeSpan now, EncryptionLevel level, bool write, ulong generation) { }

    /// <summary>security:key_discarded.</summary>
    public virtual void KeyDiscarded(TimeSpan now, EncryptionLevel level) { }

    /// <summary>connectivity:path_assigned, or a change of the peer's address.</summary>
    public virtual void PathChanged(TimeSpan now, in PathAddress path, bool validated) { }
}
