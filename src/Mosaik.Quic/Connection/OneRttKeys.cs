using System.Buffers;
using Mosaik.Quic.Crypto;

namespace Mosaik.Quic.Connection;

/// <summary>How an attempt to open a 1-RTT packet ended.</summary>
internal enum OpenResult
{
    /// <summary>Opened with the current or the previous keys.</summary>
    Opened,

    /// <summary>Opened with the next keys: the peer updated its keys, and ours follow before the next packet.</summary>
    OpenedWithUpdate,

    /// <summary>The tag is wrong under every key that may be used.</summary>
    Failed,

    /// <summary>Authentic, but it breaks the rules of key updates: KEY_UPDATE_ERROR.</summary>
    UpdateViolation,
}

/// <summary>
/// The 1-RTT keys of both directions through all key updates (RFC 9001 §6, spec/quic.md §6.4).
/// </summary>
/// <remarks>
/// <para>
/// Each direction has a generation, starting at 0; the key-phase bit is its lowest bit. The next read generation is
/// derived in advance, so that a flip takes as long as any packet. A packet whose phase differs from the current one is
/// either late (its number is below the first of the current phase: previous keys) or the start of the next phase (its
/// number is above all of the current phase: next keys). When the peer flips, our write keys follow at once unless we
/// flipped first; so simultaneous updates by both sides count as one.
/// </para>
/// <para>
/// Violations: a packet of the old phase numbered above the boundary, and a second flip before anything of the current
/// phase was acknowledged by us. Old read keys live for three probe timeouts. Header protection never changes.
/// </para>
/// <para>
/// Calls: Install…, then <see cref="TryOpen"/> per packet, <see cref="OnAckSent"/> / <see cref="OnAcknowledged"/>,
/// <see cref="TryUpdate"/> when <see cref="NeedsUpdate"/>, <see cref="DropPrevious"/> at <see cref="PreviousExpiry"/>.
/// It does not count forged packets; the connection does, over all levels.
/// </para>
/// </remarks>
internal sealed class OneRttKeys : IDisposable
{
    /// <summary>An update starts so many packets before the confidentiality limit (spec/quic.md §3.11).</summary>
    private const ulong UpdateMargin = 10_000;

    /// <summary>
    /// The next read keys are derived after so many packets of a phase: early enough that a flip, which no known peer
    /// makes before its tenth packet, costs no more than any packet, and late enough that neither a handshake nor a
    /// short exchange pays for keys it never uses.
    /// </summary>
    private const int PacketsBeforeDerivation = 8;

    private PacketKeys? _read;
    private PacketKeys? _nextRead;
    private PacketKeys? _previousRead;
    private PacketKeys? _write;
    private ulong _readStart = ulong.MaxValue;      // lowest number opened in the current read phase
    private ulong? _readHighest;                    // highest number opened in the current read phase
    private int _openedInPhase;
    private bool _readPhaseAcknowledged;            // we have sent an ACK for a packet of the current read phase
    private ulong _writeStart;                      // first number that may be sealed with the current write keys
    private bool _writePhaseAcknowledged;           // the peer has acknowledged a packet of the current write phase
    private readonly ulong _updateAfter;

    /// <summary>An empty set.</summary>
    /// <param name="updateAfter">Update after so many packets; 0 = shortly before the limit of the suite.</param>
    public OneRttKeys(ulong updateAfter) => _updateAfter = updateAfter;

    /// <summary>True once packets can be opened.</summary>
    public bool CanRead => _read is not null;

    /// <summary>True once packets can be sealed.</summary>
    public bool CanWrite => _write is not null;

    /// <summary>How often the peer's keys were updated.</summary>
    public ulong ReadGeneration { get; private set; }

    /// <summary>How often our keys were updated.</summary>
    public ulong WriteGeneration { get; private set; }

    /// <summary>The key-phase bit of packets we send.</summary>
    public bool WritePhase => (WriteGeneration & 1) != 0;

    /// <summary>The keys to seal with. Only when <see cref="CanWrite"/>.</summary>
    public PacketKeys Write => _write ?? throw new InvalidOperationException("No 1-RTT write keys yet.");

    /// <summary>Removes header protection of every generation. Only when <see cref="CanRead"/>.</summary>
    public HeaderProtection ReadHeaderProtection =>
        (_read ?? throw new InvalidOperationException("No 1-RTT read keys yet.")).HeaderProtection;

    /// <summary>How many forged packets the suite allows.</summary>
    public ulong IntegrityLimit => _read?.IntegrityLimit ?? ulong.MaxValue;

    /// <summary>Packets sealed with the current write keys.</summary>
    public ulong PacketsSealed { get; private set; }

    /// <summary>When the old read keys are to be dropped; null when there are none.</summary>
    public TimeSpan? PreviousExpiry { get; private set; }

    /// <summary>
    /// True when so many packets were sealed that the keys must be updated (or the packet not be sent).
    /// </summary>
    public bool NeedsUpdate => _write is not null
        && PacketsSealed >= (_updateAfter != 0 ? _updateAfter : _write.ConfidentialityLimit - UpdateMargin);

    /// <summary>True when not a single further packet may be sealed with the current keys.</summary>
    public bool IsExhausted => _write is not null && PacketsSealed >= _write.ConfidentialityLimit;

    /// <summary>Which rule the packet broke that gave <see cref="OpenResult.UpdateViolation"/>.</summary>
    public string Violation { get; private set; } = "";

    /// <summary>Takes the first read keys.</summary>
    public void InstallRead(PacketKeys keys) => _read = keys;

    /// <summary>Takes the first write keys.</summary>
    public void InstallWrite(PacketKeys keys) => _write = keys;

    /// <summary>Counts a packet about to be sealed.</summary>
    public void OnSealed() => PacketsSealed++;

    /// <summary>
    /// Opens a payload in place. <paramref name="generation"/> is the read generation the packet was protected with.
    /// </summary>
    public OpenResult TryOpen(
        TimeSpan now, TimeSpan threeProbeTimeouts, bool phase, ulong packetNumber, ulong nextWriteNumber,
        ReadOnlySpan<byte> header, Span<byte> payload, out ulong generation)
    {
        // CanRead was checked by the caller; the three fields are set together.
        PacketKeys read = _read!;
        generation = ReadGeneration;
        if (phase == ((ReadGeneration & 1) != 0))
        {
            if (!read.TryOpen(packetNumber, header, payload))
                return OpenResult.Failed;
            NoteOpened(packetNumber);
            return OpenResult.Opened;
        }
        if (packetNumber < _readStart && _readHighest is not null)
        {
            if (_previousRead is null)
                return OpenResult.Failed;
            generation = ReadGeneration - 1;
            return _previousRead.TryOpen(packetNumber, header, payload) ? OpenResult.Opened : OpenResult.Failed;
        }
        return TryOpenAbove(now, threeProbeTimeouts, packetNumber, nextWriteNumber, header, payload, out generation);
    }

    /// <summary>We sent an ACK whose largest number is <paramref name="largest"/>.</summary>
    public void OnAckSent(ulong largest)
    {
        if (largest >= _readStart)
            _readPhaseAcknowledged = true;
    }

    /// <summary>
    /// The peer acknowledged <paramref name="largest"/> in a packet of read generation <paramref name="generation"/>.
    /// False when packets of new keys are acknowledged under older keys, which an honest peer cannot do (RFC 9001
    /// §6.2).
    /// </summary>
    public bool OnAcknowledged(ulong largest, ulong generation)
    {
        if (WriteGeneration == 0 || largest < _writeStart)
            return true;
        _writePhaseAcknowledged = true;
        return generation >= WriteGeneration;
    }

    /// <summary>
    /// Moves our write keys one generation on, if the rules allow it now: the previous update must be complete in both
    /// directions. The caller checks that the handshake is confirmed.
    /// </summary>
    public bool TryUpdate(ulong nextWriteNumber)
    {
        bool previousComplete = WriteGeneration == ReadGeneration && (WriteGeneration == 0 || _writePhaseAcknowledged)
            && _previousRead is null;
        if (_write is null || _read is null || !previousComplete)
            return false;
        RotateWrite(nextWriteNumber);
        return true;
    }

    /// <summary>Forgets the old read keys.</summary>
    public void DropPrevious()
    {
        _previousRead?.Dispose();
        _previousRead = null;
        PreviousExpiry = null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _read?.Dispose();
        _nextRead?.Dispose();
        _write?.Dispose();
        DropPrevious();
        _read = _nextRead = _write = null;
    }

    private OpenResult TryOpenAbove(
        TimeSpan now, TimeSpan threeProbeTimeouts, ulong packetNumber, ulong nextWriteNumber,
        ReadOnlySpan<byte> header, Span<byte> payload, out ulong generation)
    {
        generation = ReadGeneration + 1;
        byte[]? copy = null;
        if (_previousRead is not null)
        {
            // A failed attempt destroys the bytes; the second one below needs them.
            copy = ArrayPool<byte>.Shared.Rent(payload.Length);
            payload.CopyTo(copy);
        }
        try
        {
            bool aboveCurrent = _readHighest is not { } highest || packetNumber > highest;
            if (aboveCurrent && NextRead.TryOpen(packetNumber, header, payload))
            {
                // An answer to our own update needs no acknowledgement of the phase before.
                bool peerStarted = WriteGeneration == ReadGeneration;
                if (peerStarted && ReadGeneration > 0 && !_readPhaseAcknowledged)
                {
                    Violation = "second key update before the first was acknowledged";
                    return OpenResult.UpdateViolation;
                }
                FollowPeer(now + threeProbeTimeouts, packetNumber, nextWriteNumber);
                return OpenResult.OpenedWithUpdate;
            }
            if (copy is null || !_previousRead!.TryOpen(packetNumber, header, copy.AsSpan(0, payload.Length)))
                return OpenResult.Failed;
            Violation = "old keys above the start of the new phase";
            return OpenResult.UpdateViolation;
        }
        finally
        {
            if (copy is not null)
                ArrayPool<byte>.Shared.Return(copy);
        }
    }

    private void FollowPeer(TimeSpan previousExpiry, ulong packetNumber, ulong nextWriteNumber)
    {
        DropPrevious();
        _previousRead = _read;
        PreviousExpiry = previousExpiry;
        _read = _nextRead;
        _nextRead = null;
        _openedInPhase = 0;
        ReadGeneration++;
        _readStart = packetNumber;
        _readHighest = packetNumber;
        _readPhaseAcknowledged = false;
        if (WriteGeneration < ReadGeneration)
            RotateWrite(nextWriteNumber);
    }

    private void RotateWrite(ulong nextWriteNumber)
    {
        PacketKeys old = _write!;
        _write = old.NextGeneration();
        old.Dispose();
        WriteGeneration++;
        _writeStart = nextWriteNumber;
        _writePhaseAcknowledged = false;
        PacketsSealed = 0;
    }

    private PacketKeys NextRead => _nextRead ??= _read!.NextGeneration();   // CanRead was checked by the caller

    private void NoteOpened(ulong packetNumber)
    {
        if (_openedInPhase < PacketsBeforeDerivation && ++_openedInPhase == PacketsBeforeDerivation)
            _ = NextRead;
        if (packetNumber < _readStart)
            _readStart = packetNumber;
        if (_readHighest is not { } highest || packetNumber > highest)
            _readHighest = packetNumber;
    }
}
