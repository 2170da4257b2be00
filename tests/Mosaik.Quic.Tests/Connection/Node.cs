using System.Net;
using Mosaik.Quic.Connection;
using Mosaik.Quic.Crypto;
using Mosaik.Quic.Endpoint;
using Mosaik.Quic.Paths;
using Mosaik.Quic.Streams;

namespace Mosaik.Quic.Tests.Connection;

/// <summary>One endpoint core of a <see cref="World"/>, with what happened to its connections.</summary>
internal sealed class Node
{
    public const string Alpn = "/test/1";

    private readonly World _world;
    private readonly byte[] _buffer = new byte[65_536];

    public Node(World world, IPEndPoint address, byte[] identity, Func<EndpointSettings, EndpointSettings>? configure,
        Func<ConnectionSettings, ConnectionSettings>? configureConnections)
    {
        _world = world;
        Address = address;
        Identity = Ed25519SigningKey.FromSeed(identity);
        var connection = new ConnectionSettings { Identity = Identity, Random = world.Random };
        var settings = new EndpointSettings
        {
            Connection = configureConnections?.Invoke(connection) ?? connection,
            StatelessResetKey = identity,
            AcceptedAlpn = [Alpn],
        };
        Settings = configure?.Invoke(settings) ?? settings;
        Core = new QuicEndpointCore(Settings);
    }

    public EndpointSettings Settings { get; }

    public IPEndPoint Address { get; set; }

    /// <summary>Further addresses that lead here.</summary>
    public List<IPEndPoint> Aliases { get; } = [];

    public Ed25519SigningKey Identity { get; }

    public QuicEndpointCore Core { get; private set; }

    /// <summary>Connections in the order of their first event.</summary>
    public List<Peer> Peers { get; } = [];

    /// <summary>Called for each event after it was recorded.</summary>
    public Action<Peer, ConnectionEvent>? OnEvent { get; set; }

    /// <summary>Datagrams sent.</summary>
    public int Sent { get; private set; }

    public Peer Connect(Node to, IReadOnlyList<string>? alpn = null, IPEndPoint? address = null)
    {
        QuicConnectionCore? core = Core.Connect(
            _world.Now, new PathAddress(address ?? to.Address), to.Identity.PublicKey, "test.invalid", alpn ?? [Alpn]);
        Assert.NotNull(core);
        return Track(core);
    }

    /// <summary>Forgets everything, as a restarted process does.</summary>
    public void Restart()
    {
        Core = new QuicEndpointCore(Settings);
        Peers.Clear();
    }

    public void Receive(Datagram datagram) =>
        Core.HandleDatagram(_world.Now, new PathAddress(datagram.From), datagram.Ecn, datagram.Bytes, out _);

    public void Turn()
    {
        bool again = true;
        while (again)
        {
            again = false;
            Core.HandleTimeouts(_world.Now);
            while (Core.PollTransmit(_world.Now, _buffer, out Transmit transmit))
                Emit(transmit);
            while (Core.TryPollEvent(out QuicConnectionCore core, out ConnectionEvent e))
            {
                again = true;
                Peer peer = Track(core);
                peer.Record(e);
                OnEvent?.Invoke(peer, e);
            }
        }
    }

    private void Emit(in Transmit transmit)
    {
        Assert.InRange(transmit.DatagramCount, 1, Transmit.MaxSegments);
        Assert.InRange(transmit.Length, 1, Transmit.MaxBytes);
        for (int at = 0; at < transmit.Length; at += transmit.SegmentSize)
        {
            int length = Math.Min(transmit.SegmentSize, transmit.Length - at);
            Sent++;
            _world.Send(new Datagram(Address, transmit.Path.Remote, _buffer.AsSpan(at, length).ToArray()));
        }
    }

    private Peer Track(QuicConnectionCore core)
    {
        if (core.UserState is Peer known)
            return known;
        var peer = new Peer(_world, core);
        core.UserState = peer;
        Peers.Add(peer);
        return peer;
    }
}

/// <summary>One side of a connection under test.</summary>
internal sealed class Peer(World world, QuicConnectionCore core)
{
    private readonly byte[] _read = new byte[65_536];

    public QuicConnectionCore Core { get; } = core;

    public bool Connected { get; private set; }

    public bool Confirmed { get; private set; }

    public bool Closed { get; private set; }

    public bool Drained { get; private set; }

    public List<StreamEvent> StreamEvents { get; } = [];

    /// <summary>Data read so far, by stream.</summary>
    public Dictionary<ulong, List<byte>> Received { get; } = [];

    public HashSet<ulong> Ended { get; } = [];

    public QuicCloseInfo? CloseInfo => Core.CloseInfo;

    /// <summary>When false, data stays unread.</summary>
    public bool ReadsAtOnce { get; set; } = true;

    public void Record(in ConnectionEvent e)
    {
        Assert.False(Drained, "an event after Drained");
        switch (e.Kind)
        {
            case ConnectionEventKind.Connected:
                Assert.False(Connected || Closed);
                Connected = true;
                break;
            case ConnectionEventKind.Confirmed:
                Confirmed = true;
                break;
            case ConnectionEventKind.Closed:
                Assert.False(Closed, "closed twice");
                Closed = true;
                break;
            case ConnectionEventKind.Drained:
                Assert.True(Closed);
                Drained = true;
                break;
            default:
                StreamEvents.Add(e.Stream);
                if (e.Stream.Kind == StreamEventKind.Readable && ReadsAtOnce)
                    ReadAll(e.Stream.Id);
                break;
        }
    }

    public void ReadAll(ulong id)
    {
        if (!Received.TryGetValue(id, out List<byte>? bytes))
            Received.Add(id, bytes = []);
        while (true)
        {
            int n = Core.Read(id, _read, out bool fin);
            if (n > 0)
                bytes.AddRange(_read.AsSpan(0, n));
            if (fin)
                Ended.Add(id);
            if (n <= 0 || fin)
                return;
        }
    }

    public StreamId Open(bool bidirectional = true)
    {
        Assert.True(Core.TryOpenStream(bidirectional, out StreamId id), "no stream could be opened");
        return id;
    }

    /// <summary>Writes everything at once; the send buffer must have room.</summary>
    public void Write(ulong id, ReadOnlySpan<byte> data, bool finish = false)
    {
        Assert.Equal(data.Length, Core.Write(id, data));
        if (finish)
            Core.Finish(id);
    }

    public void Close(ulong code = 0, string reason = "") => Core.Close(world.Now, code, reason);
}
