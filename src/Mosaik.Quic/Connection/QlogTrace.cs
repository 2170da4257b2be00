using System.Globalization;
using Mosaik.Quic.Paths;
using Mosaik.Quic.Tls;

namespace Mosaik.Quic.Connection;

/// <summary>
/// Writes what a connection does as one JSON object per line, with the event names of
/// draft-ietf-quic-qlog-quic-events: for eyes and scripts, not for the hot path.
/// </summary>
/// <param name="write">Takes one line without its end; called on the loop of the connection.</param>
internal sealed class QlogTrace(Action<string> write) : ConnectionTrace
{
    /// <inheritdoc/>
    public override void Started(TimeSpan now, bool isClient, in PathAddress path) =>
        Event(now, "connectivity:connection_started",
            $"\"role\":\"{(isClient ? "client" : "server")}\",\"remote\":\"{path}\"");

    /// <inheritdoc/>
    public override void StateChanged(TimeSpan now, ConnectionState state, QuicCloseInfo? close)
    {
        string reason = close is null
            ? ""
            : Invariant($",\"kind\":\"{close.Kind}\",\"remote\":{Json(close.IsRemote)},\"code\":{close.Code}");
        Event(now, "connectivity:connection_state_updated", $"\"new\":\"{state}\"{reason}");
    }

    /// <inheritdoc/>
    public override void PacketSent(
        TimeSpan now, EncryptionLevel level, ulong packetNumber, int size, bool ackEliciting) =>
        Event(now, "transport:packet_sent", Packet(level, packetNumber, size)
            + Invariant($",\"ack_eliciting\":{Json(ackEliciting)}"));

    /// <inheritdoc/>
    public override void PacketReceived(
        TimeSpan now, EncryptionLevel level, ulong packetNumber, int size, ReadOnlySpan<byte> payload) =>
        Event(now, "transport:packet_received", Packet(level, packetNumber, size));

    /// <inheritdoc/>
    public override void PacketDropped(TimeSpan now, PacketDropReason reason, int size) =>
        Event(now, "transport:packet_dropped", Invariant($"\"trigger\":\"{reason}\",\"length\":{size}"));

    /// <inheritdoc/>
    public override void PacketsLost(TimeSpan now, EncryptionLevel level, int count) =>
        Event(now, "recovery:packet_lost", Invariant($"\"packet_type\":\"{level}\",\"count\":{count}"));

    /// <inheritdoc/>
    public override void MetricsUpdated(
        TimeSpan now, TimeSpan smoothedRtt, long congestionWindow, long bytesInFlight) =>
        Event(now, "recovery:metrics_updated", Invariant($"\"smoothed_rtt\":{smoothedRtt.TotalMilliseconds}")
            + Invariant($",\"congestion_window\":{congestionWindow},\"bytes_in_flight\":{bytesInFlight}"));

    /// <inheritdoc/>
    public override void KeyUpdated(TimeSpan now, EncryptionLevel level, bool write, ulong generation) =>
        Event(now, "security:key_updated", Invariant(
            $"\"key_type\":\"{level}\",\"write\":{Json(write)},\"generation\":{generation}"));

    /// <inheritdoc/>
    public override void KeyDiscarded(TimeSpan now, EncryptionLevel level) =>
        Event(now, "security:key_discarded", $"\"key_type\":\"{level}\"");

    /// <inheritdoc/>
    public override void PathChanged(TimeSpan now, in PathAddress path, bool validated) =>
        Event(now, "connectivity:path_assigned", $"\"remote\":\"{path}\",\"validated\":{Json(validated)}");

    private void Event(TimeSpan now, string name, string data)
    {
        string time = Invariant($"{now.TotalMilliseconds}");
        write($"{{\"time\":{time},\"name\":\"{name}\",\"data\":{{{data}}}}}");
    }

    private static string Packet(EncryptionLevel level, ulong number, int size) =>
        Invariant($"\"packet_type\":\"{level}\",\"packet_number\":{number},\"length\":{size}");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string Json(bool value) => value ? "true" : "false";
}
