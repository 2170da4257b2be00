using Mosaik.Quic.Crypto;
using Mosaik.Quic.Recovery;
using Mosaik.Quic.Streams;
using Mosaik.Quic.Tls;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Connection;

/// <summary>
/// One encryption level of a connection: keys of Initial and Handshake packets (1-RTT keys live in <see
/// cref="OneRttKeys"/>),
/// CRYPTO data in both directions, and the packet number space.
/// </summary>
internal sealed class LevelState(EncryptionLevel level, PacketSpace space, BlockPool buffers)
{
    /// <summary>Which level.</summary>
    public EncryptionLevel Level { get; } = level;

    /// <summary>The packet number space of the level.</summary>
    public PacketSpace Space { get; } = space;

    /// <summary>CRYPTO data of the level.</summary>
    public CryptoStream Crypto { get; } = new(buffers);

    /// <summary>Keys to open with; null before installation, after discard, and for 1-RTT.</summary>
    public PacketKeys? Read { get; set; }

    /// <summary>Keys to seal with; null before installation, after discard, and for 1-RTT.</summary>
    public PacketKeys? Write { get; set; }

    /// <summary>True once keys and state of the level are gone for good.</summary>
    public bool IsDiscarded { get; set; }

    /// <summary>The packet type of the level.</summary>
    public PacketType PacketType => Level switch
    {
        EncryptionLevel.Initial => PacketType.Initial,
        EncryptionLevel.Handshake => PacketType.Handshake,
        _ => PacketType.OneRtt,
    };

    /// <summary>Disposes the keys.</summary>
    public void ReleaseKeys()
    {
        Read?.Dispose();
        Write?.Dispose();
        Read = null;
        Write = null;
    }
}
