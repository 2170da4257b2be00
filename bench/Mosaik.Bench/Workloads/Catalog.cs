using Mosaik.Bench.Contracts;
using Mosaik.Bench.Floors;
using Mosaik.Bench.Peers;
using Mosaik.Bench.Workloads.Groups;
using Mosaik.Bench.Workloads.Micro;
using Mosaik.Bench.Workloads.Streams;
using Mosaik.Bench.Workloads.Transport;

namespace Mosaik.Bench.Workloads;

/// <summary>All workloads, with the targets of spec/performance.md §7.</summary>
internal static class Catalog
{
    private const double MegaByte = 1e6;
    private const long GibiByte = 1L << 30;
    private const string Encrypted = "datapath-x10";

    public static IReadOnlyList<Workload> All { get; } = [X1(), Q1(), Q2(), .. StreamWorkloads.All, .. GroupWorkloads.All];

    /// <summary>What <c>micro</c> runs, by the names it takes.</summary>
    public static IReadOnlyDictionary<string, Workload> Micro { get; } =
        new SortedDictionary<string, Workload>(StringComparer.OrdinalIgnoreCase) { ["codec"] = X1(), ["catalog"] = M1() };

    private static Workload X1() => new(
        "X1", "codec: write and read", "time", ["order", "order-hand", "entry", "ints", "ints-small", "ints-mixed"], 1,
        [Placement.Free])
    {
        QuickVariants = ["order", "order-hand", "entry", "ints"],
        Ours = static _ => new PostcardCodec(),
        Peers = static _ => PeerList.Codecs,
        // "≤ 2 × the peer's time" is stored as a ratio of at least 1/2 (B1).
        Targets = static (variant, peer) => (variant, peer) switch
        {
            // Published without a target: MemoryPack copies the memory of a list, whatever is in it, while the form of
            // postcard has to be computed from every number. The list of the target is "ints" (see CodecData).
            ("ints-small" or "ints-mixed", _) => null,
            ("order-hand", "memorypack") => new Target(1, null),
            (_, "memorypack") => new Target(1 / 2.0, 1 / 1.3),
            (_, "messagepack") => new Target(1, null),
            _ => null,
        },
    };

    // The peers are smaller catalogs of our own: what an entry costs must not depend on how many others there are.
    private static Workload M1() => new(
        "M1", "a catalog of 10,000 peers beside smaller ones", "time",
        ["lookup", "iterate", "keep-alive", "upsert", "sync-send", "sync-known", "sync-merge"], 1, [Placement.Free])
    {
        Ours = static _ => new CatalogSide("n=10000", 10_000),
        Peers = static _ => [static () => new CatalogSide("n=1000", 1_000), static () => new CatalogSide("n=100", 100)],
        // No growth is a ratio of 1; what remains is caches and the depth of a tree. One step per peer would be 0.01 to 0.1.
        Targets = static (variant, _) => variant switch
        {
            "keep-alive" => new Target(0.5, 0.8),
            "upsert" => new Target(0.2, null),
            _ => null,
        },
    };

    private static Workload Q1() => new(
        "Q1", "1 GiB over one stream", "rate", ["write=65536"], 2, [Placement.Pinned])
    {
        Ours = static _ => new TwoNodeSide(
            "mosaik", "quic-sink", "quic-source", measureAtServer: true, "MB/s", MegaByte, Start(concurrency: 1), GibiByte,
            CreateRole),
        Peers = static _ =>
        [
            static () => new DatapathSide(10),
            static () => new TwoNodeSide(
                "sslstream", "ssl-sink", "ssl-source", measureAtServer: true, "MB/s", MegaByte, Start(concurrency: 1), GibiByte,
            CreateRole),
        ],
        Targets = static (_, peer) => string.Equals(peer, Encrypted, StringComparison.Ordinal) ? new Target(0.40, 0.70) : null,
        Floor = Encrypted,
    };

    private static Workload Q2() => new(
        "Q2", "connection, mutual handshake, 64 B echo, close", "rate", ["concurrent=16"], 2, [Placement.Free, Placement.Pinned])
    {
        Ours = static _ => new TwoNodeSide(
            "mosaik", "quic-echo-server", "quic-echo-clients", measureAtServer: false, "1/s", 1, Start(concurrency: 16), 0,
            CreateRole),
        Peers = static _ =>
        [
            static () => new TwoNodeSide(
                "sslstream", "ssl-echo-server", "ssl-echo-clients", measureAtServer: false, "1/s", 1, Start(concurrency: 16), 0,
            CreateRole),
        ],
        Targets = static (_, _) => new Target(3, 4.5),
        Floor = "handshake-concurrent16",
    };

    public static INodeRole CreateRole(string name) => name switch
    {
        "quic-sink" => new QuicSink(),
        "quic-source" => new QuicSource(),
        "quic-echo-server" => new QuicEchoServer(),
        "quic-echo-clients" => new QuicEchoClients(),
        _ => StreamWorkloads.CreateRole(name) ?? GroupWorkloads.CreateRole(name) ?? PeerList.CreateRole(name)
            ?? throw new ArgumentOutOfRangeException(nameof(name), name, "unknown role"),
    };

    private static NodeStart Start(int concurrency) => new("", "", concurrency, 64 * 1024);
}
