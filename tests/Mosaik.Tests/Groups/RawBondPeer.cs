using Mosaik.Discovery;
using Mosaik.Groups;
using Mosaik.Groups.Bonds;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;
using Mosaik.Tests.Discovery;

namespace Mosaik.Tests.Groups;

/// <summary>A peer that speaks the groups protocol byte by byte.</summary>
internal sealed class RawBondPeer
{
    private readonly GroupWorld _world;
    private readonly RawPeer _peer;

    public RawBondPeer(GroupWorld world, string name = "raw")
    {
        _world = world;
        _peer = new RawPeer(world.Discovery, SecretKey.FromText(name));
    }

    public PeerId Id => _peer.Key.PeerId;

    /// <summary>Its signed entry, as a member of some groups.</summary>
    public SignedPeerEntry Entry(params GroupId[] groups)
    {
        var version = new PeerVersion(_world.Discovery.NowMs, _world.Discovery.NowMs);
        return PeerEntry.Create(_world.Discovery.Id, _peer.Address, version)
            .AddGroups(default, groups).WithVersion(version).Sign(_peer.Key);
    }

    /// <summary>Puts the peer into a node's catalog.</summary>
    public async Task IntroduceAsync(Network node, params GroupId[] groups) =>
        Assert.True(await node.Discovery.FeedAsync(Entry(groups)));

    public async Task<(ITransportConnection Connection, ITransportStream Stream)> OpenAsync(Network node)
    {
        var connection = await _peer.ConnectAsync(node, WireProtocol.Groups.Alpn);
        return (connection, await connection.OpenStreamAsync(TransportStreamDirection.Bidirectional));
    }

    /// <summary>The initiator's message with a correct proof, unless another key is given.</summary>
    public byte[] Start(
        ITransportConnection connection, GroupId group, BondExtension? extension = null, GroupKey? key = null, NetworkId? network = null)
    {
        var proof = BondProof.Of(key ?? GroupWorld.Key, ExporterOf(connection, group), Id);
        return BondHandshake.EncodeStart(network ?? _world.Discovery.Id, group, proof, [], extension);
    }

    public static UniqueId ExporterOf(ITransportConnection connection, GroupId group)
    {
        var output = new byte[UniqueId.Length];
        connection.ExportKeyingMaterial(group.AsSpan(), System.Text.Encoding.ASCII.GetBytes(connection.Alpn), output);
        return UniqueId.FromRaw(output);
    }

    /// <summary>Sends one frame on a new connection and tells how it ended.</summary>
    public async Task<CloseCode?> RefusedAsync(Network node, Func<ITransportConnection, byte[]> message, double seconds = 20)
    {
        var (connection, stream) = await OpenAsync(node);
        await stream.WriteAsync(RawPeer.Frame(message(connection)));
        return (await _world.WithinAsync(connection.WaitClosedAsync(), seconds)).RemoteCode;
    }

    /// <summary>Shakes hands and reads the answer.</summary>
    public async Task<(ITransportConnection Connection, ITransportStream Stream, BondHandshake.End End)> BondAsync(
        Network node, GroupId group, BondExtension? extension = null)
    {
        var (connection, stream) = await OpenAsync(node);
        await stream.WriteAsync(RawPeer.Frame(Start(connection, group, extension)));
        var answer = await _world.WithinAsync(new ValueTask<byte[]>(RawPeer.ReadFrameAsync(stream)), 5);
        Assert.True(BondHandshake.TryReadEnd(answer, out var end));
        return (connection, stream, end);
    }
}
