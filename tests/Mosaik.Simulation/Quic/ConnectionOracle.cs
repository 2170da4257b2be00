using Mosaik.Quic.Connection;
using Mosaik.Quic.Streams;
using Mosaik.Quic.Tls;
using Mosaik.Quic.Wire;

namespace Mosaik.Simulation.Quic;

/// <summary>
/// Watches one connection of one node from outside: which packets it sealed and opened, what it acknowledged, and how
/// much it has in flight (QU-2, QU-6, QU-7).
/// </summary>
internal sealed class ConnectionOracle(QuicWorld world, QuicNode node, bool isClient) : ConnectionTrace
{
    private const int Levels = 3;
    private const int ProbesPerTimeout = 2;
    private readonly RangeSet[] _sent = [new(), new(), new()];
    private readonly RangeSet[] _received = [new(), new(), new()];
    private readonly RangeSet[] _acknowledged = [new(), new(), new()];
    private readonly ulong?[] _lastSent = new ulong?[Levels];
    private int _timeouts;
    private int _probesAllowed;
    private readonly HashSet<(EncryptionLevel, ulong)> _beyondWindow = [];

    /// <summary>The end this belongs to, once known.</summary>
    public QuicEnd? End { get; set; }

    /// <summary>When, by the clock of the node, the last packet was opened.</summary>
    public TimeSpan? LastReceived { get; private set; }

    /// <summary>The same by the clock of the world.</summary>
    public TimeSpan LastReceivedAt { get; private set; }

    public override void PacketSent(TimeSpan now, EncryptionLevel level, ulong packetNumber, int size, bool ackEliciting)
    {
        // Keys of a level change only together with larger numbers, so growing numbers are enough for "never twice".
        if (_lastSent[(int)level] is { } last && packetNumber <= last)
            Fail("QU-2", $"packet number {packetNumber} of {level} follows {last}");
        _lastSent[(int)level] = packetNumber;
        _sent[(int)level].Add(packetNumber, packetNumber + 1);
        if (world.Loop.IsLogging)
            world.Loop.Log($"n{node.Index} {Role} sealed {level} {packetNumber} ({size} B)");
        NoteInFlight(level, packetNumber, ackEliciting);
    }

    public override void PacketReceived(
        TimeSpan now, EncryptionLevel level, ulong packetNumber, int size, ReadOnlySpan<byte> payload)
    {
        world.PacketsOpened++;
        LastReceived = now;
        LastReceivedAt = world.Loop.Now;
        _received[(int)level].Add(packetNumber, packetNumber + 1);
        if (world.Loop.IsLogging)
            world.Loop.Log($"n{node.Index} {Role} opened {level} {packetNumber} ({size} B)");
        if (End is not null && !End.PeerOracles.Any(peer => Contains(peer._sent[(int)level], packetNumber)))
            Fail("QU-2", $"packet {packetNumber} of {level} was opened and never sealed");
        if (!isClient && level == EncryptionLevel.Handshake)
            node.OnValidated(End?.Core.Path.Remote);
        var reader = new FrameReader(payload, TypeOf(level), receiverIsServer: !isClient);
        while (reader.TryRead(out Frame frame))
        {
            if (frame.Type == FrameType.PathResponse)
                node.OnValidated(null);
            if (frame.Type is FrameType.Stream or FrameType.Crypto && End is not null)
                CheckWithinWindow(level, packetNumber);
            if (world.Loop.IsLogging && frame.Type is FrameType.Ack)
                world.Loop.Log($"n{node.Index} {Role}   acknowledged up to {frame.LargestAcknowledged}");
            if (frame.Type is FrameType.Ack or FrameType.AckEcn && End is not null)
                CheckAcknowledged(level, frame);
        }
    }

    public override void PacketDropped(TimeSpan now, PacketDropReason reason, int size)
    {
        if (world.Loop.IsLogging)
            world.Loop.Log($"n{node.Index} {Role} dropped {size} B: {reason}");
    }

    public override void KeyUpdated(TimeSpan now, EncryptionLevel level, bool write, ulong generation)
    {
        if (world.Loop.IsLogging)
            world.Loop.Log($"n{node.Index} {Role} {(write ? "write" : "read")} keys of {level}, generation {generation}");
        if (write && generation > 0)
            world.Loop.Faults.Count(FaultKind.KeyUpdate);
    }

    private string Role => isClient ? "client" : "server";

    private static PacketType TypeOf(EncryptionLevel level) => level switch
    {
        EncryptionLevel.Initial => PacketType.Initial,
        EncryptionLevel.Handshake => PacketType.Handshake,
        _ => PacketType.OneRtt,
    };

    private static bool Contains(RangeSet set, ulong number)
    {
        int index = set.FirstEndingAtOrAfter(number + 1);
        return index < set.Count && set[index].Start <= number;
    }

    /// <summary>Every number the peer acknowledges for the first time must be one it has opened.</summary>
    private void CheckAcknowledged(EncryptionLevel level, in Frame frame)
    {
        RangeSet known = _acknowledged[(int)level];
        foreach (PacketNumberRange range in frame.AckRanges)
        {
            for (ulong number = range.Largest; number + 1 > range.Smallest; number--)
            {
                if (Contains(known, number))
                    break;   // ranges grow at their new end
                if (!End!.PeerOracles.Any(peer => Contains(peer._received[(int)level], number)))   // the caller checked End
                    Fail("QU-6", $"packet {number} of {level} is acknowledged and was never received");
                if (number == 0)
                    break;
            }
            known.Add(range.Smallest, range.Largest + 1);
        }
    }

    /// <summary>
    /// Notes a packet that exceeds the congestion window without being one of the two probes per timeout and space. It
    /// may validate a path or probe its size; whether it does, the peer will see.
    /// </summary>
    private void NoteInFlight(EncryptionLevel level, ulong packetNumber, bool ackEliciting)
    {
        if (End?.Core is not { } core || !ackEliciting)
            return;
        if (core.Recovery.ProbeTimeoutCount != _timeouts)
        {
            if (core.Recovery.ProbeTimeoutCount > _timeouts)
                _probesAllowed = ProbesPerTimeout * Levels;
            _timeouts = core.Recovery.ProbeTimeoutCount;
        }
        if (core.Recovery.Congestion.BytesInFlight > core.Recovery.Congestion.Window && _probesAllowed-- <= 0)
            _beyondWindow.Add((level, packetNumber));
    }

    /// <summary>Data never exceeds the congestion window of its sender.</summary>
    private void CheckWithinWindow(EncryptionLevel level, ulong packetNumber)
    {
        if (End!.PeerOracles.Any(peer => peer._beyondWindow.Contains((level, packetNumber))))   // the caller checked End
            Fail("QU-7", $"packet {packetNumber} of {level} has data and exceeds the congestion window of its sender");
    }

    private void Fail(string invariant, string detail) =>
        throw new InvariantViolationException(invariant, $"n{node.Index} {Role}: {detail}");
}
