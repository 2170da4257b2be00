using System.Runtime.InteropServices;
using Mosaik.Quic.Recovery;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Paths;

/// <summary>The connection ids we gave to the peer (RFC 9000 §5.1.1).</summary>
/// <remarks>
/// <para>
/// Algorithm: the id of the handshake has sequence number 0. After the handshake the peer is given as many more as
/// bring it to the smaller of
/// its active_connection_id_limit and <see cref="MaxActive"/>, and one for each that it retires (spec/quic.md §6.2). We
/// never ask
/// the peer to retire any. Ids themselves and their reset tokens come from the endpoint, which routes by them.
/// </para>
/// <para>
/// Method order: <see cref="SetPeerLimit"/> once the handshake is complete; while <see cref="MissingCount"/> &gt; 0
/// make an id that routes
/// and <see cref="Add"/> it; <see cref="WriteFrames"/> when a 1-RTT packet is written; <see cref="OnRetired"/> for each
/// RETIRE_CONNECTION_ID, and stop routing the id it gives back; <see cref="OnLost"/> (an
/// acknowledgement needs no answer).
/// </para>
/// </remarks>
internal sealed class LocalConnectionIds
{
    /// <summary>Ids the peer may hold at once.</summary>
    public const int MaxActive = 5;

    private readonly Entry[] _active = new Entry[MaxActive];
    private int _count;
    private int _target = 1;
    private int _pending;
    private ulong _nextSequence;

    /// <summary>Begins with the id of the handshake.</summary>
    public LocalConnectionIds(in ConnectionId initial)
    {
        _active[0] = new Entry { Id = initial };
        _count = 1;
        _nextSequence = 1;
    }

    /// <summary>Ids the peer holds or is about to receive.</summary>
    public int Count => _count;

    /// <summary>Ids to make now.</summary>
    public int MissingCount => Math.Max(0, _target - _count);

    /// <summary>Whether NEW_CONNECTION_ID frames wait to be written.</summary>
    public bool HasPendingFrames => _pending > 0;

    /// <summary>One of the active ids.</summary>
    public ConnectionId this[int index] => index < _count ? _active[index].Id : throw new ArgumentOutOfRangeException(nameof(index));

    /// <summary>The peer's active_connection_id_limit.</summary>
    public void SetPeerLimit(ulong activeConnectionIdLimit) => _target = (int)Math.Min(activeConnectionIdLimit, MaxActive);

    /// <summary>Adds an id that already routes to the connection; its sequence number is returned.</summary>
    public ulong Add(in ConnectionId id, in StatelessResetToken token)
    {
        if (_count == MaxActive)
            throw new InvalidOperationException("the peer holds as many connection ids as it may");
        _active[_count++] = new Entry { Sequence = _nextSequence, Id = id, Token = token, MustSend = true };
        _pending++;
        return _nextSequence++;
    }

    /// <summary>Whether the id is one of the active ones: the destination of a packet for this connection.</summary>
    public bool Contains(in ConnectionId id)
    {
        for (int i = 0; i < _count; i++)
        {
            if (_active[i].Id == id)
                return true;
        }
        return false;
    }

    /// <summary>Writes as many NEW_CONNECTION_ID frames as fit.</summary>
    public void WriteFrames(ref FrameWriter writer, ref SentFrameList sent)
    {
        if (_pending == 0)
            return;
        for (int i = 0; i < _count; i++)
        {
            ref Entry entry = ref _active[i];
            if (!entry.MustSend)
                continue;
            if (!writer.TryWriteNewConnectionId(entry.Sequence, 0, entry.Id, entry.Token.Bytes))
                return;
            sent.Add(new SentFrame(SentFrameKind.NewConnectionId, entry.Sequence));
            entry.MustSend = false;
            _pending--;
        }
    }

    /// <summary>A RETIRE_CONNECTION_ID frame arrived.</summary>
    /// <param name="sequence">The sequence number in it.</param>
    /// <param name="packetDestination">The destination id of the packet with the frame, which it must not name (RFC
    /// 9000 §19.16).</param>
    /// <param name="retired">The id that no longer routes, or null if it was retired before.</param>
    /// <returns>PROTOCOL_VIOLATION, or null.</returns>
    public QuicError? OnRetired(ulong sequence, in ConnectionId packetDestination, out ConnectionId? retired)
    {
        retired = null;
        if (sequence >= _nextSequence)
            return QuicError.ProtocolViolation;
        int index = IndexOf(sequence);
        if (index < 0)
            return null;
        Entry entry = _active[index];
        if (entry.Id == packetDestination)
            return QuicError.ProtocolViolation;
        if (entry.MustSend)
            _pending--;
        retired = entry.Id;
        _active.AsSpan((index + 1).._count).CopyTo(_active.AsSpan(index));
        _count--;
        return null;
    }

    /// <summary>A NEW_CONNECTION_ID frame was lost: it is sent again while the id is active.</summary>
    public void OnLost(ulong sequence)
    {
        int index = IndexOf(sequence);
        if (index < 0 || sequence == 0 || _active[index].MustSend)
            return;
        _active[index].MustSend = true;
        _pending++;
    }

    private int IndexOf(ulong sequence)
    {
        for (int i = 0; i < _count; i++)
        {
            if (_active[i].Sequence == sequence)
                return i;
        }
        return -1;
    }

    [StructLayout(LayoutKind.Auto)]
    private struct Entry
    {
        public ulong Sequence;
        public ConnectionId Id;
        public StatelessResetToken Token;
        public bool MustSend;
    }
}
