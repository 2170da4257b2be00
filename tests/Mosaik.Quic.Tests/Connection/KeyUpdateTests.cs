using Mosaik.Quic.Connection;
using Mosaik.Quic.Crypto;
using Mosaik.Quic.Streams;
using Mosaik.Quic.Tls;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Connection;

public sealed class KeyUpdateTests
{
    private static readonly ConnectionKnobs Often = new() { KeyUpdateAfterPackets = 10 };

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void Updates_are_followed_and_data_stays_intact(bool clientUpdates, bool serverUpdates)
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected(
            client: s => clientUpdates ? s with { Knobs = Often } : s,
            server: s => serverUpdates ? s with { Knobs = Often } : s);
        Scenarios.EchoAtEnd(server);
        for (int i = 0; i < 20; i++)
            Echo(world, client, 30_000);
        Assert.True(client.Core.OneRttKeys.WriteGeneration >= 3, $"only {client.Core.OneRttKeys.WriteGeneration} updates");
        Assert.InRange(peer.Core.OneRttKeys.ReadGeneration, client.Core.OneRttKeys.WriteGeneration - 1, client.Core.OneRttKeys.WriteGeneration);
        Assert.Equal(0UL, client.Core.Statistics.PacketsNotOpened + peer.Core.Statistics.PacketsNotOpened);
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    public void Updates_survive_reordering_and_loss(ulong seed)
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected(seed,
            client: s => s with { Knobs = Often }, server: s => s with { Knobs = Often });
        Scenarios.EchoAtEnd(server);
        world.Profile = new NetworkProfile { Jitter = TimeSpan.FromMilliseconds(15), Loss = 0.03, Duplication = 0.05 };
        for (int i = 0; i < 15; i++)
            Echo(world, client, 50_000);
        Assert.True(client.Core.OneRttKeys.WriteGeneration >= 2);
        Assert.False(client.Closed || peer.Closed);
    }

    [Fact]
    public void Late_packet_of_the_old_phase_is_opened_for_three_probe_timeouts()
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(0.2);
        ulong next = client.Core.Level(EncryptionLevel.OneRtt).Space.NextPacketNumber;
        byte[] late = Forge.Packet(client, [0x01], number: next + 100);
        byte[] tooLate = Forge.Packet(client, [0x01], number: next + 101);
        Flip(world, server, client, next + 200);
        Assert.Equal(1UL, peer.Core.OneRttKeys.ReadGeneration);
        Assert.Equal(1UL, peer.Core.OneRttKeys.WriteGeneration);
        ulong received = peer.Core.Statistics.PacketsReceived;
        Deliver(world, server, late);
        Assert.Equal(received + 1, peer.Core.Statistics.PacketsReceived);
        world.RunFor(1);
        received = peer.Core.Statistics.PacketsReceived;
        Deliver(world, server, tooLate);
        Assert.Equal(received, peer.Core.Statistics.PacketsReceived);
        Assert.False(peer.Closed);
    }

    [Fact]
    public void Old_phase_above_the_boundary_is_an_error()
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(0.2);
        ulong next = client.Core.Level(EncryptionLevel.OneRtt).Space.NextPacketNumber;
        byte[] illegal = Forge.Packet(client, [0x01], number: next + 300);
        Flip(world, server, client, next + 200);
        Deliver(world, server, illegal);
        world.RunUntil(() => peer.Closed, 1);
        Assert.Equal((ulong)QuicError.KeyUpdateError, peer.CloseInfo!.Code);
    }

    [Fact]
    public void Second_update_before_the_first_was_acknowledged_is_an_error()
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(0.2);
        ulong next = client.Core.Level(EncryptionLevel.OneRtt).Space.NextPacketNumber;
        using var first = client.Core.OneRttKeys.Write.NextGeneration();
        using var second = first.NextGeneration();
        bool phase = client.Core.OneRttKeys.WritePhase;
        byte[] a = Forge.Packet(client, [0x01], number: next + 10, phase: !phase, keys: first);
        byte[] b = Forge.Packet(client, [0x01], number: next + 11, phase: phase, keys: second);
        // Both arrive before the server had a chance to acknowledge.
        server.Receive(new Datagram(world.Nodes[0].Address, server.Address, a));
        server.Receive(new Datagram(world.Nodes[0].Address, server.Address, b));
        world.RunUntil(() => peer.Closed, 1);
        Assert.Equal((ulong)QuicError.KeyUpdateError, peer.CloseInfo!.Code);
    }

    [Fact]
    public void Acknowledging_new_keys_under_old_ones_is_an_error()
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected(server: s => s with { Knobs = Often });
        world.RunFor(0.2);
        world.Filter = d => d.From.Port != 1000;        // the client's answers under new keys never arrive
        while (peer.Core.OneRttKeys.WriteGeneration == 0)
        {
            StreamId id = peer.Open(bidirectional: false);
            peer.Write(id, [1]);
            world.RunFor(0.001);
        }
        StreamId more = peer.Open(bidirectional: false);
        peer.Write(more, [1]);
        world.Settle();
        world.Filter = null;
        ulong last = peer.Core.Level(EncryptionLevel.OneRtt).Space.NextPacketNumber - 1;
        byte[] ack = Forge.Frames((ref FrameWriter w) => w.TryWriteAck([new PacketNumberRange(last, last)], 0));
        Assert.Equal(0UL, client.Core.OneRttKeys.WriteGeneration);
        server.Receive(new Datagram(world.Nodes[0].Address, server.Address, Forge.Packet(client, ack)));
        world.RunUntil(() => peer.Closed, 1);
        Assert.Equal((ulong)QuicError.KeyUpdateError, peer.CloseInfo!.Code);
    }

    [Fact]
    public void Flipped_bits_in_a_flip_do_not_move_the_keys()
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(0.2);
        ulong next = client.Core.Level(EncryptionLevel.OneRtt).Space.NextPacketNumber;
        using var keys = client.Core.OneRttKeys.Write.NextGeneration();
        byte[] packet = Forge.Packet(client, [0x01], number: next + 10, phase: !client.Core.OneRttKeys.WritePhase, keys: keys);
        packet[^1] ^= 1;
        Deliver(world, server, packet);
        Assert.Equal(0UL, peer.Core.OneRttKeys.ReadGeneration);
        Assert.False(peer.Closed);
    }

    [Fact]
    public void Update_waits_for_the_confirmation_and_for_the_previous_update()
    {
        var keys = new OneRttKeys(updateAfter: 1);
        byte[] secret = new byte[48];
        keys.InstallWrite(PacketKeys.FromSecret(CipherSuite.Aes256GcmSha384, secret));
        keys.InstallRead(PacketKeys.FromSecret(CipherSuite.Aes256GcmSha384, secret));
        keys.OnSealed();
        Assert.True(keys.NeedsUpdate);
        Assert.True(keys.TryUpdate(5));
        keys.OnSealed();
        Assert.False(keys.TryUpdate(6), "the first update is not acknowledged");
        Assert.True(keys.OnAcknowledged(5, 1));
        Assert.False(keys.TryUpdate(7), "the peer has not followed");
        keys.Dispose();
    }

    [Fact]
    public void Limits_follow_the_suite()
    {
        var keys = new OneRttKeys(updateAfter: 0);
        keys.InstallWrite(PacketKeys.FromSecret(CipherSuite.Aes256GcmSha384, new byte[48]));
        for (int i = 0; i < (1 << 23) - 10_000; i++)
        {
            if (keys.NeedsUpdate)
                Assert.Fail($"update wanted after {i} packets");
            keys.OnSealed();
        }
        Assert.True(keys.NeedsUpdate);
        Assert.False(keys.IsExhausted);
        for (int i = 0; i < 10_000; i++)
            keys.OnSealed();
        Assert.True(keys.IsExhausted);
        keys.Dispose();
    }

    private static void Echo(World world, Peer client, int length)
    {
        StreamId id = client.Open();
        client.Write(id, Scenarios.Bytes(length), finish: true);
        world.RunUntil(() => client.Ended.Contains(id) || client.Closed, 60);
        Assert.Null(client.CloseInfo);
        Assert.Equal(Scenarios.Bytes(length), client.Received[id]);
    }

    /// <summary>The client's keys move on without the client knowing: a flip of the peer, packet by packet.</summary>
    private static void Flip(World world, Node server, Peer client, ulong number)
    {
        using var keys = client.Core.OneRttKeys.Write.NextGeneration();
        Deliver(world, server,
            Forge.Packet(client, [0x01], number: number, phase: !client.Core.OneRttKeys.WritePhase, keys: keys));
    }

    private static void Deliver(World world, Node server, byte[] packet) =>
        server.Receive(new Datagram(world.Nodes[0].Address, server.Address, packet));
}
