using Mosaik.Quic.Recovery;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Streams;

/// <summary>The CRYPTO bytes of one encryption level, both directions.</summary>
internal sealed class CryptoStream : IDisposable
{
    /// <summary>Takes over handshake bytes to send.</summary>
    public void Write(ReadOnlySpan<byte> data) => throw new NotSupportedException();

    /// <summary>CRYPTO frame; CRYPTO_BUFFER_EXCEEDED beyond 64 KiB that are not yet read.</summary>
    public QuicError? OnCrypto(ulong offset, ReadOnlySpan<byte> data) => throw new NotSupportedException();

    /// <summary>The next in-order bytes (not necessarily all of them); empty when there are none.</summary>
    public ReadOnlySpan<byte> Readable => throw new NotSupportedException();

    /// <summary>True when received bytes wait for a gap to be filled (a level must not change then).</summary>
    public bool HasUnread => throw new NotSupportedException();

    /// <summary>Marks bytes of <see cref="Readable"/> as read.</summary>
    public void Advance(int count) => throw new NotSupportedException();

    /// <summary>True when there are bytes to send or to send again.</summary>
    public bool HasPendingFrames => throw new NotSupportedException();

    /// <summary>True when everything written is acknowledged.</summary>
    public bool IsAllAcknowledged => throw new NotSupportedException();

    /// <summary>Writes CRYPTO frames as long as they fit; records them.</summary>
    public void WriteFrames(ref FrameWriter writer, ref SentFrameList sent) => throw new NotSupportedException();

    /// <summary>A CRYPTO frame was acknowledged.</summary>
    public void OnAcknowledged(in SentFrame frame) => throw new NotSupportedException();

    /// <summary>A CRYPTO frame was lost, or is to be sent again by a probe.</summary>
    public void OnLost(in SentFrame frame) => throw new NotSupportedException();

    /// <summary>Gives every pooled buffer back.</summary>
    public void Dispose() => throw new NotSupportedException();
}
