using Mosaik.Bench.Contracts;
using Mosaik.Bench.Peers.Messaging;

namespace Mosaik.Bench.Workloads.Streams;

/// <summary>S1 to S5 of spec/performance.md §7.1.</summary>
internal static class StreamWorkloads
{
    private const double MegaByte = 1e6;
    private const string Encrypted = "datapath-x10";

    public static IReadOnlyList<Workload> All { get; } = [S1(), S2(), S3(), S4(), S5()];

    public static INodeRole? CreateRole(string name) => name switch
    {
        "stream-consumers" => new StreamConsumers(),
        "stream-producers" => new StreamProducers(),
        "udp-consumers" => new PlainUdpConsumers(),
        "udp-producers" => new PlainUdpProducers(),
        _ => null,
    };

    private static Workload S1() => new(
        "S1", "streams 1 to 1, maximum rate", "rate", ["size=64", "size=32", "size=256", "size=1024"], 2, [Placement.Free])
    {
        QuickVariants = ["size=64"],
        Ours = static variant => Ours(variant),
        Peers = static variant => variant == "size=64"
            ? [Peer("nats", variant), Peer("redis", variant), Peer("netmq", variant)]
            : [Peer("nats", variant)],
        Targets = static (variant, peer) => (variant, peer) switch
        {
            ("size=64", "nats") => new Target(0.8, 1.5),
            ("size=64", "redis") => new Target(1.5, null),
            _ => null,
        },
        Floor = Encrypted,
    };

    private static Workload S2() => new(
        "S2", "streams 1 to 1, bytes", "rate", ["size=65536", "size=1200", "size=4096", "size=16384"], 2, [Placement.Pinned])
    {
        QuickVariants = ["size=65536"],
        Ours = static variant => Ours(variant + ",bytes", "MB/s", MegaByte),
        Peers = static variant =>
        [
            () => new TwoNodeSide(
                "sslstream", "ssl-sink", "ssl-source", measureAtServer: true, "MB/s", MegaByte,
                new NodeStart("", "", 1, MessageSize(variant)), 0, Catalog.CreateRole),
            Peer("nats", variant + ",bytes", "MB/s", MegaByte),
        ],
        Targets = static (variant, peer) => (variant, peer) switch
        {
            ("size=65536", "sslstream") => new Target(0.15, 0.3),
            ("size=1200", "sslstream") => new Target(1.5, null),
            _ => null,
        },
        Floor = Encrypted,
    };

    private static Workload S3() => new(
        "S3", "streams, fan-out and fan-in, deliveries", "rate", ["1to8", "8to1", "4to4"], 2, [Placement.Free])
    {
        QuickVariants = ["1to8"],
        Ours = static variant => Ours(variant),
        Peers = static variant => [Peer("nats", variant)],
        Targets = static (variant, peer) => variant == "1to8" ? new Target(0.4, 1) : null,
        Floor = Encrypted,
    };

    private static Workload S4() => new(
        "S4", "streams, one-way latency of a fixed schedule", "p50", ["rate=10000", "rate=1000", "rate=50000"], 2, [Placement.Free])
    {
        QuickVariants = ["rate=10000"],
        IsOpenLoop = true,
        Ours = static variant => Ours(variant, "us", 1, latency: true),
        Peers = static variant =>
        [
            static () => new LatencyLimit(), Peer("nats", variant, "us", 1, latency: true),
            Peer("netmq", variant, "us", 1, latency: true), Peer("udp", variant, "us", 1, latency: true),
        ],
        // "≤ k × the peer's time" is stored as a ratio of at least 1/k (B1).
        Targets = static (_, peer) => peer switch
        {
            "udp-limit" => new Target(1, null),
            "nats" => new Target(0, 1),
            _ => null,
        },
        TailTargets = static (_, peer) => peer == "nats" ? new Target(1 / 2.0, null) : null,
        Floor = "udp-round-trip",
    };

    private static Workload S5() => new(
        "S5", "streams 1 to 8 by a schedule, one consumer stops reading for 10 s: rate of the others", "rate", ["1to8,rate=20000"], 2, [Placement.Free])
    {
        Ours = static variant => Ours(variant + ",stop"),
        Peers = static variant => [() => Ours(variant + ",spare", name: "mosaik-without-stop")],
        Targets = static (_, _) => new Target(0.95, null),
    };

    private static TwoNodeSide Ours(string variant, string unit = "1/s", double divisor = 1, bool latency = false, string name = "mosaik") =>
        new(name, "stream-consumers", "stream-producers", measureAtServer: true, unit, divisor, Start(variant), 0, Catalog.CreateRole)
        {
            MeasuresLatency = latency,
        };

    private static Func<IWorkloadSide> Peer(string peer, string variant, string unit = "1/s", double divisor = 1, bool latency = false) =>
        () => new TwoNodeSide(
            peer, peer + "-consumers", peer + "-producers", measureAtServer: true, unit, divisor, Start(variant), 0, Catalog.CreateRole)
        {
            IsEncrypted = false,
            MeasuresLatency = latency,
            Missing = Brokers.WhyMissing(peer),
        };

    private static int MessageSize(string variant) => Contracts.Messaging.MessagePlan.Parse(variant).Size;

    private static NodeStart Start(string variant) => new("", "", 1, 0) { Variant = variant };
}
