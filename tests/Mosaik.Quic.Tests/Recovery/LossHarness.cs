using Mosaik.Quic.Congestion;
using Mosaik.Quic.Recovery;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Recovery;

/// <summary>A loss detector with a clock in milliseconds and a record of what it reported.</summary>
internal sealed class LossHarness : ISentFrameHandler
{
    public LossHarness(bool isServer = false, CongestionController? congestion = null, RandomSource? skipWith = null)
    {
        Loss = new LossDetector(isServer, new RttEstimator(), congestion ?? new NewReno(), this, skipWith);
    }

    public LossDetector Loss { get; }

    public CongestionController Congestion => Loss.Congestion;

    public TimeSpan Now { get; private set; } = TimeSpan.FromSeconds(1);

    public List<ulong> Acked { get; } = [];

    public List<ulong> Lost { get; } = [];

    public double? TimeoutInMs => Loss.NextTimeout is { } t ? (t - Now).TotalMilliseconds : null;

    public static TimeSpan Ms(double milliseconds) => TimeSpan.FromMilliseconds(milliseconds);

    public void Wait(double milliseconds) => Now += Ms(milliseconds);

    /// <summary>Sends a packet whose one STREAM frame carries the packet number as its stream id.</summary>
    public ulong Send(PacketSpaceId space = PacketSpaceId.Application, int size = 1200, bool ackEliciting = true, bool? inFlight = null)
    {
        var frames = new SentFrameList();
        frames.Add(new SentFrame(ackEliciting ? SentFrameKind.Stream : SentFrameKind.Ack, Loss[space].NextPacketNumber));
        return Loss.OnPacketSent(Now, space, size, ackEliciting, inFlight ?? ackEliciting, ref frames);
    }

    public QuicError? Ack(ulong smallest, ulong largest, PacketSpaceId space = PacketSpaceId.Application, double delayMs = 0) =>
        Loss.OnAckReceived(Now, space, (ulong)(delayMs * 1000 / 8), [new PacketNumberRange(smallest, largest)]);

    public QuicError? Ack(ulong number, PacketSpaceId space = PacketSpaceId.Application) => Ack(number, number, space);

    /// <summary>A confirmed connection with one RTT sample and nothing in flight; packet numbers start at 1. A millisecond later.</summary>
    public LossHarness Established(double rttMs = 100)
    {
        Loss.DiscardSpace(Now, PacketSpaceId.Initial);
        Loss.DiscardSpace(Now, PacketSpaceId.Handshake);
        Loss.OnHandshakeConfirmed(Now);
        Send();
        Wait(rttMs);
        Assert.Null(Ack(0));
        Acked.Clear();
        Wait(1);
        return this;
    }

    public void OnFramesAcknowledged(PacketSpaceId space, ReadOnlySpan<SentFrame> frames)
    {
        foreach (SentFrame frame in frames)
            Acked.Add(frame.Id);
    }

    public void OnFramesLost(PacketSpaceId space, ReadOnlySpan<SentFrame> frames)
    {
        foreach (SentFrame frame in frames)
            Lost.Add(frame.Id);
    }
}
