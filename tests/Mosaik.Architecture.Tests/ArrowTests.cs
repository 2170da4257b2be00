namespace Mosaik.Architecture.Tests;

/// <summary>Arrows between rooms run one way only (design §1); cores are pure (design §2).</summary>
public sealed class ArrowTests
{
    [Fact]
    public void Every_type_lives_in_a_known_room()
    {
        var homeless = Rooms.Types.Where(t => Rooms.Of(t.Namespace.FullName) is null).Select(t => t.FullName);
        Assert.Empty(homeless);
    }

    [Fact]
    public void Arrows_between_rooms_run_one_way()
    {
        var wrong =
            from type in Rooms.Types
            let room = Rooms.Of(type.Namespace.FullName)
            from dependency in type.Dependencies
            let target = Rooms.Of(Rooms.NamespaceOf(dependency.Target))
            where target is not null && target != room && !Rooms.Arrows[room].Contains(target)
            select $"{type.FullName} ({room}) knows {dependency.Target.FullName} ({target})";
        AssertNone(wrong);
    }

    [Fact]
    public void Arrows_inside_the_quic_room_run_one_way()
    {
        var wrong =
            from type in Rooms.Types
            let folder = Rooms.QuicFolderOf(type.Namespace.FullName)
            where folder is not null && Rooms.QuicArrows.ContainsKey(folder)
            from dependency in type.Dependencies
            let target = Rooms.QuicFolderOf(Rooms.NamespaceOf(dependency.Target))
            where target is not null && target != folder && !Rooms.QuicArrows[folder].Contains(target)
            select $"{type.FullName} knows {dependency.Target.FullName}";
        AssertNone(wrong);
    }

    [Fact]
    public void Pure_cores_know_no_task_socket_clock_or_logger()
    {
        var wrong =
            from type in Rooms.Types
            where Rooms.PureNamespaces.Contains(type.Namespace.FullName) || IsCore(type)
            from dependency in type.Dependencies
            where IsImpure(dependency.Target.FullName)
            select $"{type.FullName} knows {dependency.Target.FullName}";
        AssertNone(wrong);
    }

    [Fact]
    public void The_purity_rule_covers_the_cores_that_exist()
    {
        // A rule that matches nothing proves nothing.
        var cores = Rooms.Types.Where(IsCore).Select(t => t.Name).ToHashSet();
        Assert.Superset(
            new HashSet<string>
            {
                "QuicConnectionCore", "QuicEndpointCore", "TlsHandshakeCore", "DiscoveryCore", "AnnounceCore", "GossipCore",
                "RaftCore", "BondTableCore", "HeartbeatCore",
            },
            cores);
    }

    private static void AssertNone(IEnumerable<string> wrong)
    {
        var lines = wrong.Distinct().Order(StringComparer.Ordinal).ToArray();
        Assert.True(lines.Length == 0, string.Join('\n', lines));
    }

    private static bool IsCore(ArchUnitNET.Domain.IType type) =>
        type.Name.EndsWith(Rooms.CoreSuffix, StringComparison.Ordinal);

    private static bool IsImpure(string name) =>
        name.StartsWith("System.Threading.", StringComparison.Ordinal)
        || name.StartsWith("System.Net.Sockets.", StringComparison.Ordinal)
        || name.StartsWith("Microsoft.Extensions.Logging.", StringComparison.Ordinal)
        || name is "System.TimeProvider" or "System.Random" or "System.Diagnostics.Stopwatch"
            or "System.Security.Cryptography.RandomNumberGenerator" or "System.DateTime" or "System.Environment";
}
