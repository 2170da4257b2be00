using System.Runtime.InteropServices;
using Mosaik.Quic.Recovery;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Paths;

/// <summary>
/// The connection ids the peer gave to us, and those of them we have to retire (RFC 9000 §5.1.1–5.1.2).
/// </summary>
/// <remarks>
/// <para>
/// Algorithm: ids are used in the order of their sequence numbers; a number below the one in use is retired when it
/// turns up. A
/// NEW_CONNECTION_ID first retires what its retire_prior_to covers, then stores its own id; only then the limits are
/// checked (spec/quic.md §13, trap 14): more than <see cref="MaxActive"/> ids in store, or more than
/// <see cref="MaxRetirements"/> retirements that the peer has not acknowledged, end the connection with
/// CONNECTION_ID_LIMIT_ERROR (spec/reliability.md §11, E10; CVE-2024-22189).
/// </para>
/// <para>
/// Method order: <see cref="SetInitial"/> and <see cref="SetInitialResetToken"/> during the handshake;
/// <see cref="OnNewConnectionId"/> per frame, after which
/// <see cref="Current"/> may be another id; <see cref="TrySwitch"/> for another id of our own choice;
/// <see cref="WriteFrames"/>,
/// <see cref="OnAcknowledged"/>, <see cref="OnLost"/> for RETIRE_CONNECTION_ID frames.
/// </para>
/// </remarks>
internal sealed class RemoteConnectionIds
{
    /// <summary>Our active_connection_id_limit (spec/quic.md §5.1).</summary>
    public const int MaxActive = 5;

    /// <summary>Retirements queued or unacknowledged.</summary>
    public const int MaxRetirements = 2 * MaxActive;

    // Ascending by sequence number; the first is in use. One place more for the id whose arrival exceeds the limit.
    private readonly Entry[] _active = new Entry[MaxActive + 1];
    private readonly Retirement[] _retirements = new Retirement[MaxRetirements + MaxActive + 1];
    private int _count;
    private int _retirementCount;
    private int _pending;
    private ulong _retirePriorTo;

    /// <summary>
    /// Begins with the id of the first packet: a client's random one, or the client's source id at the server.
    /// </summary>
    public RemoteConnectionIds(in ConnectionId initial) => SetInitial(initial);

    /// <summary>The id to send to.</summary>
    public ConnectionId Current => _active[0].Id;

    /// <summary>The sequence number of <see cref="Current"/>.</summary>
    public ulong CurrentSequence => _active[0].Sequence;

    /// <summary>The reset token that belongs to <see cref="Current"/>, or null if the peer gave none.</summary>
    public StatelessResetToken? CurrentResetToken => _active[0].Token;

    /// <summary>Ids in store, the current one included.</summary>
    public int Count => _count;

    /// <summary>RETIRE_CONNECTION_ID frames that are queued or not acknowledged.</summary>
    public int RetirementCount => _retirementCount;

    /// <summary>Whether RETIRE_CONNECTION_ID frames wait to be written.</summary>
    public bool HasPendingFrames => _pending > 0;

    /// <summary>
    /// Replaces the id of the handshake: after Retry, and by the server's source id of its first packet.
    /// </summary>
    public void SetInitial(in ConnectionId id)
    {
        if (_count > 1 || (_count == 1 && _active[0].Sequence != 0))
            throw new InvalidOperationException("the handshake is over");
        _active[0] = new Entry(0, id, _count == 1 ? _active[0].Token : null);
        _count = 1;
    }

    /// <summary>The server's stateless_reset_token parameter: belongs to sequence number 0.</summary>
    public void SetInitialResetToken(ReadOnlySpan<byte> token)
    {
        if (_active[0].Sequence == 0)
            _active[0] = _active[0] with { Token = new StatelessResetToken(token) };
    }

    /// <summary>A NEW_CONNECTION_ID frame arrived.</summary>
    /// <returns>The error that ends the connection, or null.</returns>
    public QuicError? OnNewConnectionId(ulong sequence, ulong retirePriorTo, in ConnectionId id, ReadOnlySpan<byte> resetToken)
    {
        if (Current.IsEmpty)
            return QuicError.ProtocolViolation;
        if (retirePriorTo > sequence || id.IsEmpty || resetToken.Length != StatelessResetToken.Length)
            return QuicError.FrameEncodingError;
        var token = new StatelessResetToken(resetToken);
        for (int i = 0; i < _count; i++)
        {
            ref Entry known = ref _active[i];
            bool sameNumber = known.Sequence == sequence;
            // One number, one id, one token (RFC 9000 §19.15). Number 0 may have come without a token.
            if (sameNumber != (known.Id == id) || (sameNumber && known.Token is { } knownToken && !knownToken.Equals(token)))
                return QuicError.ProtocolViolation;
        }

        bool isKnown = IsActive(sequence);
        bool spent = sequence < _retirePriorTo || sequence < CurrentSequence;
        if (!isKnown && !spent)
            Insert(new Entry(sequence, id, token));
        if (retirePriorTo > _retirePriorTo)
        {
            _retirePriorTo = retirePriorTo;
            int retire = 0;
            while (retire < _count && _active[retire].Sequence < retirePriorTo)
                retire++;
            RetireOldest(retire);
        }
        if (!isKnown && spent)
            Retire(sequence);
        if (_count > MaxActive || _retirementCount > MaxRetirements)
            return QuicError.ConnectionIdLimitError;
        return null;
    }

    /// <summary>Retires the current id and uses the next one, if there is one.</summary>
    public bool TrySwitch()
    {
        if (_count < 2 || _retirementCount >= MaxRetirements)
            return false;
        RetireOldest(1);
        return true;
    }

    /// <summary>
    /// Whether a datagram ends in the reset token of the id in use (RFC 9000 §10.3.1 forbids matching others). Takes
    /// the same time for
    /// every content.
    /// </summary>
    public bool IsStatelessReset(ReadOnlySpan<byte> datagram) =>
        CurrentResetToken is { } token
        && datagram.Length >= StatelessResetToken.Length
        && token.FixedTimeEquals(datagram[^StatelessResetToken.Length..]);

    /// <summary>Writes as many RETIRE_CONNECTION_ID frames as fit.</summary>
    public void WriteFrames(ref FrameWriter writer, ref SentFrameList sent)
    {
        for (int i = 0; i < _retirementCount && _pending > 0; i++)
        {
            ref Retirement retirement = ref _retirements[i];
            if (!retirement.MustSend)
                continue;
            if (!writer.TryWriteRetireConnectionId(retirement.Sequence))
                return;
            sent.Add(new SentFrame(SentFrameKind.RetireConnectionId, retirement.Sequence));
            retirement = retirement with { MustSend = false };
            _pending--;
        }
    }

    /// <summary>The peer has a RETIRE_CONNECTION_ID frame.</summary>
    public void OnAcknowledged(ulong sequence)
    {
        int index = IndexOfRetirement(sequence);
        if (index < 0)
            return;
        if (_retirements[index].MustSend)
            _pending--;
        _retirements.AsSpan((index + 1).._retirementCount).CopyTo(_retirements.AsSpan(index));
        _retirementCount--;
    }

    /// <summary>A RETIRE_CONNECTION_ID frame was lost and is sent again.</summary>
    public void OnLost(ulong sequence)
    {
        int index = IndexOfRetirement(sequence);
        if (index < 0 || _retirements[index].MustSend)
            return;
        _retirements[index] = _retirements[index] with { MustSend = true };
        _pending++;
    }

    private void Insert(in Entry entry)
    {
        int at = _count;
        while (at > 0 && _active[at - 1].Sequence > entry.Sequence)
            at--;
        _active.AsSpan(at.._count).CopyTo(_active.AsSpan(at + 1));
        _active[at] = entry;
        _count++;
    }

    private void RetireOldest(int count)
    {
        for (int i = 0; i < count; i++)
            Retire(_active[i].Sequence);
        _active.AsSpan(count.._count).CopyTo(_active);
        _count -= count;
    }

    private void Retire(ulong sequence)
    {
        // The array has room for one frame's worth beyond the limit, which the caller turns into an error.
        if (IndexOfRetirement(sequence) >= 0 || _retirementCount == _retirements.Length)
            return;
        _retirements[_retirementCount++] = new Retirement(sequence, MustSend: true);
        _pending++;
    }

    private bool IsActive(ulong sequence)
    {
        for (int i = 0; i < _count; i++)
        {
            if (_active[i].Sequence == sequence)
                return true;
        }
        return false;
    }

    private int IndexOfRetirement(ulong sequence)
    {
        for (int i = 0; i < _retirementCount; i++)
        {
            if (_retirements[i].Sequence == sequence)
                return i;
        }
        return -1;
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Entry(ulong Sequence, ConnectionId Id, StatelessResetToken? Token);

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Retirement(ulong Sequence, bool MustSend);
}
