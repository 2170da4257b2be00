namespace Mosaik.Bench.Floors;

/// <summary>All floors, in the order in which they are measured.</summary>
internal static class FloorList
{
    private static readonly TimeSpan Full = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan Quick = TimeSpan.FromSeconds(0.5);

    public static TimeSpan Window(bool quick) => quick ? Quick : Full;

    public static IReadOnlyList<Floor> All { get; } =
    [
        Blocking("udp-round-trip", "blocking", true, static (w, pinned) => UdpFloors.RoundTripBlocking(w, pinned)),
        Blocking("udp-round-trip", "blocking", false, static (w, pinned) => UdpFloors.RoundTripBlocking(w, pinned)),
        new("udp-round-trip", "async", false, UdpFloors.RoundTripAsync),
        .. Paired("udp-flow-x1", static (w, pinned) => UdpFloors.Flow(w, 1, pinned)),
        .. Paired("udp-flow-x10", static (w, pinned) => UdpFloors.Flow(w, 10, pinned)),
        .. Paired("udp-flow-x32", static (w, pinned) => UdpFloors.Flow(w, 32, pinned)),
        .. Paired("datapath-x1", static (w, pinned) => DatapathSide.Measure(w / 4, w, 1, pinned)),
        .. Paired("datapath-x10", static (w, pinned) => DatapathSide.Measure(w / 4, w, 10, pinned)),
        .. Paired("datapath-x32", static (w, pinned) => DatapathSide.Measure(w / 4, w, 32, pinned)),
        new("tcp-round-trip", "async", false, static w => TcpFloors.RoundTripAsync(w, tls: false)),
        new("sslstream-round-trip", "async", false, static w => TcpFloors.RoundTripAsync(w, tls: true)),
        new("sslstream-bulk", "write=1200", false, static w => TcpFloors.BulkAsync(w, 1200)),
        new("sslstream-bulk", "write=16384", false, static w => TcpFloors.BulkAsync(w, 16 * 1024)),
        new("sslstream-bulk", "write=65536", false, static w => TcpFloors.BulkAsync(w, 64 * 1024)),
        new("handshake-concurrent1", "sslstream", false, static w => TcpFloors.HandshakesAsync(w, 1)),
        new("handshake-concurrent16", "sslstream", false, static w => TcpFloors.HandshakesAsync(w, 16)),
        Blocking("aes-gcm-128-seal", "size=64", false, static (w, _) => CryptoFloors.Seal(w / 3, 64)),
        Blocking("aes-gcm-128-seal", "size=1200", false, static (w, _) => CryptoFloors.Seal(w / 3, 1200)),
        Blocking("packet-seal", "size=1200", false, static (w, _) => CryptoFloors.Packet(w / 3)),
        Blocking("hkdf-expand-sha256", "size=32", false, static (w, _) => CryptoFloors.Hkdf(w / 3)),
        Blocking("sha256", "size=300", false, static (w, _) => CryptoFloors.Sha256(w / 3, 300)),
    ];

    private static Floor[] Paired(string name, Func<TimeSpan, bool, FloorResult> measure) =>
        [Blocking(name, "", true, measure), Blocking(name, "", false, measure)];

    private static Floor Blocking(string name, string variant, bool pinned, Func<TimeSpan, bool, FloorResult> measure) =>
        new(name, variant, pinned, window => Task.FromResult(measure(window, pinned)));
}
