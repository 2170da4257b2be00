using System.Numerics;

namespace Mosaik.Quic.Recovery;

/// <summary>The sent packets of one space that are neither acknowledged nor lost.</summary>
/// <remarks>
/// <para>
/// Algorithm: a ring of structs indexed by packet number, from the oldest outstanding packet (<see cref="First"/>) to
/// the next
/// number (<see cref="End"/>). Packets that were settled out of order stay as tombstones until everything before them
/// is
/// settled, too. Since loss detection settles every packet more than three numbers behind the largest acknowledged one
/// or older than the time threshold, the tombstones below that number are few, and walking an acknowledged range costs
/// what it newly acknowledges. The ring doubles when it is full and is never shrunk; records allocate nothing else.
/// </para>
/// <para>
/// A full ring whose oldest packet elicits no ACK drops that record instead of growing: the peer owes no answer to it,
/// so
/// such records could otherwise pile up for ever.
/// </para>
/// <para>Method order: <see cref="Add"/>, then for each number at most once <see cref="Settle"/>; <see cref="Clear"/>
/// at the end.</para>
/// </remarks>
internal sealed class SentPackets
{
    private const int InitialCapacity = 8;

    private SentPacket[] _ring = [];

    /// <summary>The oldest outstanding number, or <see cref="End"/>.</summary>
    public ulong First { get; private set; }

    /// <summary>One more than the newest number recorded.</summary>
    public ulong End { get; private set; }

    /// <summary>Outstanding packets.</summary>
    public int Count { get; private set; }

    /// <summary>Outstanding packets that elicit an ACK.</summary>
    public int AckElicitingCount { get; private set; }

    /// <summary>
    /// Whether the last <see cref="Settle"/> moved <see cref="First"/> across packets acknowledged out of order: a run
    /// of
    /// lost packets ends there (RFC 9002 §7.6.2).
    /// </summary>
    public bool PassedAcknowledged { get; private set; }

    /// <summary>The record of a number in [<see cref="First"/>, <see cref="End"/>).</summary>
    public ref SentPacket this[ulong packetNumber]
    {
        get
        {
            if (packetNumber < First || packetNumber >= End)
                throw new ArgumentOutOfRangeException(nameof(packetNumber));
            return ref Slot(packetNumber);
        }
    }

    /// <summary>Whether the number was sent and its fate is open.</summary>
    public bool IsOutstanding(ulong packetNumber) =>
        packetNumber >= First && packetNumber < End && Slot(packetNumber).State == SentPacketState.Outstanding;

    /// <summary>
    /// Records a packet; the list of frames moves in and is empty afterwards. Numbers left out count as not sent.
    /// </summary>
    public void Add(
        ulong packetNumber,
        TimeSpan timeSent,
        int size,
        bool ackEliciting,
        bool inFlight,
        int pathGeneration,
        ref SentFrameList frames)
    {
        if (packetNumber < End)
            throw new ArgumentOutOfRangeException(nameof(packetNumber), "a packet number is used once");
        if (Count == 0)
            First = packetNumber;
        while (packetNumber - First >= (ulong)_ring.Length)
        {
            MakeRoom();
            if (Count == 0)
                First = packetNumber;
        }
        for (ulong skipped = Math.Max(End, First); skipped < packetNumber; skipped++)
            Slot(skipped).State = SentPacketState.NotSent;

        ref SentPacket slot = ref Slot(packetNumber);
        slot.TimeSent = timeSent;
        slot.Size = size;
        slot.AckEliciting = ackEliciting;
        slot.InFlight = inFlight;
        slot.PathGeneration = pathGeneration;
        slot.State = SentPacketState.Outstanding;
        frames.MoveTo(ref slot.Frames);
        End = packetNumber + 1;
        Count++;
        if (ackEliciting)
            AckElicitingCount++;
    }

    /// <summary>Closes the record of an outstanding packet and releases its frames.</summary>
    public void Settle(ulong packetNumber, SentPacketState fate)
    {
        ref SentPacket slot = ref this[packetNumber];
        if (slot.State != SentPacketState.Outstanding)
            throw new InvalidOperationException("a packet is settled once");
        slot.State = fate;
        slot.Frames.Release();
        Count--;
        if (slot.AckEliciting)
            AckElicitingCount--;
        PassedAcknowledged = false;
        if (packetNumber == First)
            SkipSettled();
    }

    /// <summary>Releases everything.</summary>
    public void Clear()
    {
        for (ulong n = First; n < End; n++)
        {
            ref SentPacket slot = ref Slot(n);
            if (slot.State == SentPacketState.Outstanding)
                slot.Frames.Release();
        }
        First = End;
        Count = 0;
        AckElicitingCount = 0;
        _ring = [];
    }

    private ref SentPacket Slot(ulong packetNumber) => ref _ring[packetNumber & ((ulong)_ring.Length - 1)];

    private void SkipSettled()
    {
        for (First++; First < End; First++)
        {
            SentPacketState state = Slot(First).State;
            if (state == SentPacketState.Outstanding)
                return;
            PassedAcknowledged |= state == SentPacketState.Acknowledged;
        }
    }

    private void MakeRoom()
    {
        if (Count > 0 && !Slot(First).InFlight)
        {
            Settle(First, SentPacketState.Lost);
            return;
        }
        int capacity = Math.Max(InitialCapacity, checked(_ring.Length * 2));
        var larger = new SentPacket[BitOperations.RoundUpToPowerOf2((uint)capacity)];
        for (ulong n = First; n < End; n++)
            larger[n & ((ulong)larger.Length - 1)] = Slot(n);
        _ring = larger;
    }
}
