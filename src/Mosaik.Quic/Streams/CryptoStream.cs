using Mosaik.Quic.Recovery;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Streams;

/// <summary>
/// The CRYPTO bytes of one encryption level, both directions: a stream without flow control, end or id (RFC 9000 §7.5).
/// </summary>
/// <remarks>
/// Sending works as in a stream: <see cref="Write"/>, <see cref="WriteFrames"/> while <see cref="HasPendingFrames"/>,
/// then <see cref="OnAcknowledged"/> or <see cref="OnLost"/> per recorded frame. Receiving: <see cref="OnCrypto"/>,
/// then take <see cref="Readable"/> and <see cref="Advance"/> until it is empty. At most 64 KiB beyond the bytes read
/// are taken (E7), in at most 1,024 disjoint ranges (E8).
/// </remarks>
internal sealed class CryptoStream : IDisposable
{
    private readonly SendBuffer _send;
    private readonly Reassembler _receive;

    /// <summary>An empty stream whose buffers come from <paramref name="pool"/> (null: one of its own).</summary>
    public CryptoStream(BlockPool? pool = null)
    {
        pool ??= new BlockPool();
        _send = new SendBuffer(pool);
        _receive = new Reassembler(pool);
    }

    /// <summary>The next in-order bytes (not necessarily all of them); empty when there are none.</summary>
    public ReadOnlySpan<byte> Readable => _receive.First;

    /// <summary>
    /// True when received bytes are not yet read, or wait for a gap to be filled: the level must not change then.
    /// </summary>
    public bool HasUnread => _receive.Readable > 0 || _receive.Ranges > 0;

    /// <summary>True when there are bytes to send or to send again.</summary>
    public bool HasPendingFrames => _send.HasLost || _send.Unsent > 0;

    /// <summary>True when everything written is acknowledged.</summary>
    public bool IsAllAcknowledged => _send.Unacknowledged == 0;

    /// <summary>All memory held.</summary>
    public int MemoryHeld => _send.MemoryHeld + _receive.MemoryHeld;

    /// <summary>Takes over a copy of handshake bytes to send.</summary>
    public void Write(ReadOnlySpan<byte> data) => _send.Write(data);

    /// <summary>CRYPTO frame.</summary>
    public QuicError? OnCrypto(ulong offset, ReadOnlySpan<byte> data)
    {
        // Compared by subtraction: offset + length cannot overflow after the frame reader, the limit must not either.
        ulong limit = _receive.ReadOffset + StreamLimits.CryptoBuffer;
        if (offset > limit || (ulong)data.Length > limit - offset)
            return QuicError.CryptoBufferExceeded;
        return _receive.TryInsert(offset, data) ? null : QuicError.ProtocolViolation;
    }

    /// <summary>Marks bytes of <see cref="Readable"/> as read.</summary>
    public void Advance(int count) => _receive.Advance(count);

    /// <summary>Writes CRYPTO frames as long as they fit; records them.</summary>
    public void WriteFrames(ref FrameWriter writer, ref SentFrameList sent)
    {
        while (_send.TryGetNext(VarInt.MaxValue, out ByteRange range))
        {
            int wanted = (int)Math.Min(range.Length, int.MaxValue);
            int length = FrameWriter.FittingData(writer.Remaining, 1 + VarInt.Length(range.Start), wanted);
            if (length <= 0 || !writer.TryBeginCrypto(range.Start, length, out Span<byte> data))
                return;
            _send.CopyTo(range.Start, data);
            _send.MarkSent(range.Start, length);
            sent.Add(new SentFrame(SentFrameKind.Crypto, 0, range.Start, length, Fin: false));
        }
    }

    /// <summary>A CRYPTO frame was acknowledged.</summary>
    public void OnAcknowledged(in SentFrame frame) => _send.OnAcknowledged(frame.Offset, frame.Length);

    /// <summary>A CRYPTO frame was lost, or is to be sent again by a probe.</summary>
    public void OnLost(in SentFrame frame) => _send.OnLost(frame.Offset, frame.Length);

    /// <summary>Gives every pooled buffer back (the keys of the level are discarded).</summary>
    public void Dispose()
    {
        _send.Clear();
        _receive.Clear();
    }
}
