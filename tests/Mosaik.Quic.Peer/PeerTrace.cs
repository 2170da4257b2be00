using Mosaik.Quic.Connection;
using Mosaik.Quic.Paths;
using Mosaik.Quic.Tls;

namespace Mosaik.Quic.Peer;

/// <summary>Prints what happens to a connection below its handles: its end, key updates, changes of the path.</summary>
internal sealed class PeerTrace(long number, bool verbose, Action<QuicCloseInfo> onClosed) : ConnectionTrace
{
    private ulong _announced;
    private bool _closed;

    /// <summary>Key updates begun here and followed by the peer.</summary>
    public ulong LocalUpdates { get; private set; }

    public override void KeyUpdated(TimeSpan now, EncryptionLevel level, bool write, ulong generation)
    {
        if (generation == 0 || level != EncryptionLevel.OneRtt)
            return;
        if (!write && generation <= LocalUpdates)
            return;
        if (generation <= _announced)
            return;
        _announced = generation;
        if (write)
            LocalUpdates = generation;
        JsonLine.Event("key_update", number).With("by", write ? "local" : "remote").With("count", generation).Print();
    }

    public override void PacketSent(TimeSpan now, EncryptionLevel level, ulong packetNumber, int size, bool ackEliciting) =>
        Say(now, $"sent {level} {packetNumber}, {size} bytes{(ackEliciting ? "" : ", not ack-eliciting")}");

    public override void PacketReceived(
        TimeSpan now, EncryptionLevel level, ulong packetNumber, int size, ReadOnlySpan<byte> payload) =>
        Say(now, $"received {level} {packetNumber}, {size} bytes");

    public override void PacketDropped(TimeSpan now, PacketDropReason reason, int size) =>
        Say(now, $"dropped {size} bytes: {reason}");

    public override void PacketsLost(TimeSpan now, EncryptionLevel level, int count) => Say(now, $"lost {count} {level}");

    public override void MetricsUpdated(TimeSpan now, TimeSpan smoothedRtt, long congestionWindow, long bytesInFlight) =>
        Say(now, $"rtt {smoothedRtt.TotalMilliseconds:f3} ms, window {congestionWindow}, in flight {bytesInFlight}");

    public override void PathChanged(TimeSpan now, in PathAddress path, bool validated) =>
        JsonLine.Event("path", number)
            .With("remote", path.Remote.ToString()).With("result", validated ? "validated" : "failed").Print();

    public override void StateChanged(TimeSpan now, ConnectionState state, QuicCloseInfo? close)
    {
        if (close is null || _closed)
            return;
        _closed = true;
        var kind = close.Kind switch
        {
            QuicCloseKind.Application => "app",
            QuicCloseKind.Transport => "transport",
            QuicCloseKind.StatelessReset => "stateless-reset",
            QuicCloseKind.VersionNegotiation => "version-negotiation",
            _ => "idle",
        };
        JsonLine.Event("close", number)
            .With("by", close.IsRemote ? "remote" : "local").With("kind", kind)
            .With("code", close.Code).With("reason", close.Reason).Print();
        onClosed(close);
    }

    private void Say(TimeSpan now, string what)
    {
        if (verbose)
            Console.Error.WriteLine($"{now.TotalMilliseconds,12:f3} {number} {what}");
    }
}
