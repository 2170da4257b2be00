using ArchUnitNET.Domain;
using ArchUnitNET.Loader;

namespace Mosaik.Architecture.Tests;

/// <summary>The rooms of the house (design §1): every type of the product belongs to exactly one.</summary>
internal static class Rooms
{
    /// <summary>Room → rooms it may know. What is not listed is a wrong arrow.</summary>
    public static readonly IReadOnlyDictionary<string, string[]> Arrows = new Dictionary<string, string[]>
    {
        ["Mosaik.Waiting"] = [],
        ["Mosaik.Postcard"] = [],
        ["Mosaik.Quic"] = ["Mosaik.Waiting"],
        ["Mosaik.Primitives"] = ["Mosaik.Waiting", "Mosaik.Postcard", "Mosaik.Quic"],
        ["Mosaik.Diagnostics"] = ["Mosaik.Primitives"],
        ["Mosaik.Networking"] = ["Mosaik.Waiting", "Mosaik.Postcard", "Mosaik.Quic", "Mosaik.Primitives", "Mosaik.Diagnostics"],
        ["Mosaik.Discovery"] =
        [
            "Mosaik.Waiting", "Mosaik.Postcard", "Mosaik.Quic", "Mosaik.Primitives", "Mosaik.Diagnostics",
            "Mosaik.Networking",
        ],
        ["Mosaik.Streams"] =
        [
            "Mosaik.Waiting", "Mosaik.Postcard", "Mosaik.Quic", "Mosaik.Primitives", "Mosaik.Diagnostics",
            "Mosaik.Networking", "Mosaik.Discovery",
        ],
        ["Mosaik.Groups"] =
        [
            "Mosaik.Waiting", "Mosaik.Postcard", "Mosaik.Quic", "Mosaik.Primitives", "Mosaik.Diagnostics",
            "Mosaik.Networking", "Mosaik.Discovery",
        ],
        // The facade: Network and NetworkOptions, on top of all rooms.
        ["Mosaik"] =
        [
            "Mosaik.Waiting", "Mosaik.Postcard", "Mosaik.Quic", "Mosaik.Primitives", "Mosaik.Diagnostics",
            "Mosaik.Networking", "Mosaik.Discovery", "Mosaik.Streams", "Mosaik.Groups",
        ],
        ["Mosaik.Testing"] =
        [
            "Mosaik.Waiting", "Mosaik.Postcard", "Mosaik.Quic", "Mosaik.Primitives", "Mosaik.Networking",
            "Mosaik.Discovery", "Mosaik.Streams", "Mosaik",
        ],
    };

    /// <summary>Inside the QUIC room: folder → folders it may know. The root (handles and options) sits on top.</summary>
    public static readonly IReadOnlyDictionary<string, string[]> QuicArrows = new Dictionary<string, string[]>
    {
        ["Wire"] = [],
        ["Crypto"] = [],
        ["Tls"] = ["Crypto"],
        ["Congestion"] = [],
        ["Recovery"] = ["Wire", "Congestion"],
        ["Paths"] = ["Wire", "Recovery", "Congestion"],
        ["Streams"] = ["Wire", "Recovery"],
        ["Connection"] = ["Wire", "Crypto", "Tls", "Recovery", "Congestion", "Paths", "Streams"],
        ["Endpoint"] = ["Wire", "Crypto", "Tls", "Recovery", "Congestion", "Paths", "Streams", "Connection"],
    };

    /// <summary>Namespaces of pure cores (design §2): no task, thread, lock, socket, clock or logger.</summary>
    public static readonly string[] PureNamespaces =
    [
        .. QuicArrows.Keys.Select(folder => $"Mosaik.Quic.{folder}"), "Mosaik.Discovery.Gossip.Protocol",
        "Mosaik.Groups.Raft", "Mosaik.Groups.Sync",
    ];

    /// <summary>Single types that are cores inside folders that also hold drivers.</summary>
    public const string CoreSuffix = "Core";

    private static readonly Lazy<ArchUnitNET.Domain.Architecture> Loaded = new(() => new ArchLoader()
        .LoadAssemblies(
            System.Reflection.Assembly.Load("Mosaik.Waiting"),
            System.Reflection.Assembly.Load("Mosaik.Postcard"),
            System.Reflection.Assembly.Load("Mosaik.Quic"),
            System.Reflection.Assembly.Load("Mosaik"),
            System.Reflection.Assembly.Load("Mosaik.Testing"))
        .Build());

    /// <summary>All types that are written by hand in the product's assemblies.</summary>
    public static IEnumerable<IType> Types =>
        Loaded.Value.Types.Where(t => NamespaceOf(t).StartsWith("Mosaik", StringComparison.Ordinal));

    /// <summary>The namespace of a type; empty for a type parameter, which the reader gives the namespace of any type.</summary>
    public static string NamespaceOf(IType type) => type is GenericParameter ? "" : type.Namespace?.FullName ?? "";

    /// <summary>The room of a namespace: its longest listed prefix, or null for foreign code.</summary>
    public static string? Of(string space) => Arrows.Keys
        .Where(room => space == room || (room != "Mosaik" && space.StartsWith(room + ".", StringComparison.Ordinal)))
        .MaxBy(room => room.Length);

    /// <summary>The folder of a namespace inside Mosaik.Quic, or null for its root.</summary>
    public static string? QuicFolderOf(string space) =>
        space.StartsWith("Mosaik.Quic.", StringComparison.Ordinal) ? space.Split('.')[2] : null;
}
