using Mosaik.Simulation.Discovery;
using Mosaik.Simulation.Quic;
using Mosaik.Simulation.Raft;
using Mosaik.Simulation.Streams;

namespace Mosaik.Simulation;

/// <summary>All worlds by name.</summary>
internal static class Worlds
{
    /// <summary>The worlds, in the order in which they are listed.</summary>
    public static IReadOnlyList<IWorld> All { get; } =
        [new QuicWorldKind(), new StreamsWorldKind(), RaftWorldKind.Any, new DiscoveryWorldKind(null)];

    /// <summary>The world of a name.</summary>
    public static IWorld? Find(string name) => All.FirstOrDefault(world => world.Name == name)
        ?? (IWorld?)DiscoveryWorldKind.Find(name) ?? RaftWorldKind.Find(name);
}
