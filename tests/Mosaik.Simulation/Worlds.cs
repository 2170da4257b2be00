using Mosaik.Simulation.Quic;

namespace Mosaik.Simulation;

/// <summary>All worlds by name.</summary>
internal static class Worlds
{
    /// <summary>The worlds, in the order in which they are listed.</summary>
    public static IReadOnlyList<IWorld> All { get; } = [new QuicWorldKind()];

    /// <summary>The world of a name.</summary>
    public static IWorld? Find(string name) => All.FirstOrDefault(world => world.Name == name);
}
