using Mosaik.Groups;
using Mosaik.Groups.Bonds;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Tests.Discovery;

namespace Mosaik.Tests.Groups;

/// <summary>Handshakes and bonds of whole nodes, against each other and against a peer that speaks byte by byte.</summary>
public sealed class BondTests : IDisposable
{
    private readonly GroupWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void The_acceptor_refuses_in_the_order_of_the_specification() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        var raw = new RawBondPeer(_world);
        var group = node.Groups.Join(GroupWorld.Key);
        Assert.Equal(CloseCode.UnknownPeer, await raw.RefusedAsync(node, c => raw.Start(c, group.Id)));
        await raw.IntroduceAsync(node);
        Assert.Equal(CloseCode.InvalidHandshake, await raw.RefusedAsync(node, _ => [1, 2, 3]));
        Assert.Equal(
            CloseCode.DifferentNetwork, await raw.RefusedAsync(node, c => raw.Start(c, "no group", network: (NetworkId)"other")));
        Assert.Equal(CloseCode.GroupNotFound, await raw.RefusedAsync(node, c => raw.Start(c, "no group")));
        Assert.Equal(
            CloseCode.InvalidProof, await raw.RefusedAsync(node, c => raw.Start(c, group.Id, key: GroupKey.FromSecret("wrong"))));

        // Silence.
        var start = _world.Now;
        var (connection, _) = await raw.OpenAsync(node);
        Assert.Equal(CloseCode.Timeout, (await connection.WaitClosedAsync()).RemoteCode);
        Assert.InRange((_world.Now - start).TotalSeconds, 1.9, 2.5);

        await raw.BondAsync(node, group.Id);
        Assert.Equal(CloseCode.AlreadyBonded, await raw.RefusedAsync(node, c => raw.Start(c, group.Id)));
    });

    [Fact]
    public void A_proof_of_another_connection_is_not_accepted() => _world.Run(async () =>
    {
        var (node, raw) = (await _world.StartAsync(), new RawBondPeer(_world));
        var group = node.Groups.Join(GroupWorld.Key);
        await raw.IntroduceAsync(node);
        var (other, _) = await raw.OpenAsync(node);
        Assert.Equal(CloseCode.InvalidProof, await raw.RefusedAsync(node, _ => raw.Start(other, group.Id)));
    });

    [Fact]
    public void The_answer_proves_the_key_and_both_ends_derive_the_same_bond_id() => _world.Run(async () =>
    {
        var (node, raw) = (await _world.StartAsync(), new RawBondPeer(_world));
        var group = node.Groups.Join(GroupWorld.Key);
        await raw.IntroduceAsync(node);
        var (connection, _, end) = await raw.BondAsync(node, group.Id);
        Assert.True(BondProof.Verify(end.Proof, GroupWorld.Key, RawBondPeer.ExporterOf(connection, group.Id), node.Local.Id));
        Assert.NotNull(end.Extension?.Incarnation);
        var output = new byte[UniqueId.Length];
        connection.ExportKeyingMaterial("mosaik.group.bond.id"u8, "/mosaik/groups/1"u8, output);
        await _world.WithinAsync(group.Bonds.WhenAny(b => b.Count == 1).WaitAsync(), 1);
        Assert.Equal(UniqueId.FromRaw(output), group.Bonds.Single().Id);
        Assert.False(group.Bonds.Single().IsExtended);
    });

    [Fact]
    public void Another_process_of_the_peer_replaces_its_bond() => _world.Run(async () =>
    {
        var (node, raw) = (await _world.StartAsync(), new RawBondPeer(_world));
        var group = node.Groups.Join(GroupWorld.Key);
        await raw.IntroduceAsync(node);
        var (first, _, _) = await raw.BondAsync(node, group.Id, ExtensionOf(1));
        Assert.Equal(
            CloseCode.InvalidProof,
            await raw.RefusedAsync(node, c => raw.Start(c, group.Id, ExtensionOf(2), GroupKey.FromSecret("wrong"))));
        Assert.Null(first.CloseInfo);
        await raw.BondAsync(node, group.Id, ExtensionOf(2));
        Assert.Equal(CloseCode.Cancelled, (await _world.WithinAsync(first.WaitClosedAsync(), 1)).RemoteCode);
        Assert.Single(group.Bonds);
    });

    [Fact]
    public void A_ping_is_answered_and_a_silent_peer_is_dropped() => _world.Run(async () =>
    {
        var (node, raw) = (await _world.StartAsync(), new RawBondPeer(_world));
        var group = node.Groups.Join(GroupWorld.Key, new GroupOptions { Consensus = new() { BootstrapDelay = TimeSpan.FromHours(1) } });
        await raw.IntroduceAsync(node);
        var (connection, stream, _) = await raw.BondAsync(node, group.Id);
        Assert.Equal((byte[])[BondMessage.Ping], await RawPeer.ReadFrameAsync(stream)); // the first tick is immediate
        var start = _world.Now;
        await stream.WriteAsync(RawPeer.Frame([BondMessage.Ping]));
        Assert.Equal((byte[])[BondMessage.Pong], await _world.WithinAsync(new ValueTask<byte[]>(RawPeer.ReadFrameAsync(stream)), 0.3));
        Assert.Equal(CloseCode.Timeout, (await _world.WithinAsync(connection.WaitClosedAsync(), 10)).RemoteCode);
        Assert.InRange((_world.Now - start).TotalSeconds, 3.8, 5.6);
    });

    [Theory, InlineData(new byte[0]), InlineData(new byte[] { 9 }), InlineData(new byte[] { 6, 5 })]
    [InlineData(new byte[] { 3, 1, 2 }), InlineData(new byte[] { 5 }), InlineData(new byte[] { 5, 0, 1 }), InlineData(new byte[] { 5, 7 })]
    public void What_is_no_message_closes_the_bond_as_a_violation(byte[] message) => _world.Run(async () =>
    {
        var (node, raw) = (await _world.StartAsync(), new RawBondPeer(_world));
        var group = node.Groups.Join(GroupWorld.Key);
        await raw.IntroduceAsync(node);
        var (connection, stream, _) = await raw.BondAsync(node, group.Id);
        await stream.WriteAsync(RawPeer.Frame(message));
        Assert.Equal(CloseCode.ProtocolViolation, (await _world.WithinAsync(connection.WaitClosedAsync(), 1)).RemoteCode);
        await _world.WithinAsync(group.Bonds.WhenAny(b => b.Count == 0).WaitAsync(), 1);
        Assert.Equal(GroupState.Running, group.State);
    });

    [Fact]
    public void A_frame_above_the_limit_is_a_violation_by_its_header() => _world.Run(async () =>
    {
        var (node, raw) = (await _world.StartAsync(), new RawBondPeer(_world));
        var group = node.Groups.Join(GroupWorld.Key);
        await raw.IntroduceAsync(node);
        var (connection, stream, _) = await raw.BondAsync(node, group.Id);
        await stream.WriteAsync(new byte[] { 4, 0, 0, 1 });
        Assert.Equal(CloseCode.ProtocolViolation, (await _world.WithinAsync(connection.WaitClosedAsync(), 1)).RemoteCode);

        (connection, stream) = await raw.OpenAsync(node);
        await stream.WriteAsync(new byte[] { 0, 64, 0, 1 });
        Assert.Equal(CloseCode.InvalidHandshake, (await _world.WithinAsync(connection.WaitClosedAsync(), 1)).RemoteCode);
    });

    [Fact]
    public void A_departure_closes_the_bond_and_leaving_sends_one() => _world.Run(async () =>
    {
        var (node, raw) = (await _world.StartAsync(), new RawBondPeer(_world));
        var group = node.Groups.Join(GroupWorld.Key);
        await raw.IntroduceAsync(node);
        var (connection, stream, _) = await raw.BondAsync(node, group.Id);
        await stream.WriteAsync(RawPeer.Frame([BondMessage.Departure]));
        Assert.Equal(CloseCode.Cancelled, (await _world.WithinAsync(connection.WaitClosedAsync(), 1)).RemoteCode);

        (connection, stream, _) = await raw.BondAsync(node, group.Id);
        var start = _world.Now;
        var leaving = group.DisposeAsync().AsTask();
        byte[] frame;
        do
            frame = await _world.WithinAsync(new ValueTask<byte[]>(RawPeer.ReadFrameAsync(stream)), 1);
        while (frame is not [BondMessage.Departure]);
        Assert.Equal(CloseCode.Cancelled, (await _world.WithinAsync(connection.WaitClosedAsync(), 1)).RemoteCode);
        await leaving;
        Assert.InRange((_world.Now - start).TotalSeconds, 0, 1);
        Assert.Equal(CloseCode.GroupNotFound, await raw.RefusedAsync(node, c => raw.Start(c, group.Id)));
    });

    [Fact]
    public void Entries_of_other_members_are_hints_and_a_new_bond_is_told_to_all() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(3);
        var groups = nodes.Select(n => n.Groups.Join(GroupWorld.Key)).ToArray();
        await _world.DiscoverAsync(nodes[0], nodes[1]);
        await _world.WithinAsync(groups[0].Bonds.WhenAny(b => b.Count == 1).WaitAsync(), 5);
        await _world.DiscoverAsync(nodes[1], nodes[2]);

        // The first and the third learn of each other only from the second.
        await _world.WithinAsync(groups[0].Bonds.WhenAny(b => b.Count == 2).WaitAsync(), 5);
        await _world.WithinAsync(groups[2].Bonds.WhenAny(b => b.Count == 2).WaitAsync(), 5);
    });

    [Fact]
    public void A_lost_bond_is_made_again() => _world.Run(async () =>
    {
        var (nodes, groups) = await _world.ClusterAsync(2);
        Assert.True(groups[0].Bonds.TryGet(nodes[1].Local.Id, out var bond));
        var changed = groups[0].Bonds.Changed();
        Assert.False(changed.IsMet);
        await bond.CloseAsync(CloseCode.Cancelled);
        Assert.True(bond.IsTerminated);
        Assert.True(changed.IsMet);
        await _world.WithinAsync(groups[0].Bonds.WhenAny(b => b.Count == 1 && b[0] != bond).WaitAsync(), 5);
        await _world.WithinAsync(groups[1].Bonds.WhenAny(b => b.Count == 1).WaitAsync(), 1);
    });

    [Fact]
    public void Simultaneous_dials_of_whole_nodes_end_with_one_bond_in_every_seed()
    {
        for (ulong seed = 1; seed <= 25; seed++)
        {
            using var world = new GroupWorld(seed);
            world.Run(async () =>
            {
                var nodes = await world.StartManyAsync(2);
                var groups = nodes.Select(n => n.Groups.Join(GroupWorld.Key)).ToArray();
                await world.DiscoverAsync(nodes);
                await world.DelayAsync(5);
                var (a, b) = (Assert.Single(groups[0].Bonds), Assert.Single(groups[1].Bonds));
                Assert.Equal(a.Id, b.Id);
            });
        }
    }

    [Fact]
    public void Mutated_handshakes_never_harm_the_node() => _world.Run(async () =>
    {
        var (node, raw) = (await _world.StartAsync(), new RawBondPeer(_world));
        var group = node.Groups.Join(GroupWorld.Key);
        await raw.IntroduceAsync(node);
        var random = new SeededRandom(11);
        for (var i = 0; i < 200; i++)
        {
            var (connection, stream) = await raw.OpenAsync(node);
            var bytes = raw.Start(connection, group.Id, ExtensionOf(1));
            for (var n = random.NextBelow(4); n >= 0; n--)
                bytes[random.NextBelow(bytes.Length)] = (byte)random.NextBelow(256);
            await stream.WriteAsync(RawPeer.Frame(bytes.AsSpan(0, random.NextBelow(bytes.Length + 1))));
            connection.Abort(CloseCode.None, "");
        }

        await raw.BondAsync(node, group.Id, ExtensionOf(3));
        Assert.Equal(GroupState.Running, group.State);
    });

    private static BondExtension ExtensionOf(byte value) =>
        new(BondExtension.TrailingTlvs, null, Incarnation.FromRaw(Enumerable.Repeat(value, Incarnation.Length).ToArray()));
}
