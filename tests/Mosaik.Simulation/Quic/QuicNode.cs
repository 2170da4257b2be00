using System.Net;
using Mosaik.Quic.Connection;
using Mosaik.Quic.Crypto;
using Mosaik.Quic.Endpoint;
using Mosaik.Quic.Paths;
using Mosaik.Quic.Streams;
using Mosaik.Quic.Wire;
using Mosaik.Testing;

namespace Mosaik.Simulation.Quic;

/// <summary>
/// One endpoint core with its clock, address and timer. Datagrams that arrive at one time are one receive drain; after
/// it, and after every operation of the application, the node takes a turn: timers, output, events.
/// </summary>
internal sealed class QuicNode
{
    /// <summary>The protocol all nodes speak.</summary>
    public const string Alpn = "/simulation/1";

    private const int AmplificationFactor = 3;
    private const uint OtherVersion = 0x1a2a3a4a;

    private readonly QuicWorld _world;
    private readonly NodePlan _plan;
    private readonly EndpointSettings _settings;
    private readonly List<Datagram> _inbox = [];
    private readonly byte[] _buffer = new byte[65_536];
    private readonly Dictionary<IPEndPoint, Account> _accounts = [];
    private TimeSpan? _wakeAt;
    private ConnectionOracle? _newestOracle;
    private IPEndPoint? _source;   // of the datagram being handled
    private int _addressNumber;

    public QuicNode(QuicWorld world, int index, NodePlan plan, SimulationRandom keys)
    {
        _world = world;
        _plan = plan;
        Index = index;
        byte[] seed = new byte[32];
        keys.Fill(seed);
        Identity = Ed25519SigningKey.FromSeed(seed);
        Address = new IPEndPoint(IPAddress.Parse($"10.0.0.{index + 1}"), 4000);
        OtherAddress = new IPEndPoint(IPAddress.Parse($"10.0.1.{index + 1}"), 4000);
        _settings = CreateSettings(seed);
        Core = new QuicEndpointCore(_settings);
    }

    public int Index { get; }

    public NodePlan Plan => _plan;

    public Ed25519SigningKey Identity { get; }

    public QuicEndpointCore Core { get; private set; }

    /// <summary>The address others see.</summary>
    public IPEndPoint Address { get; private set; }

    /// <summary>A second address from which copies of first packets come.</summary>
    public IPEndPoint OtherAddress { get; }

    public BlockPool Buffers => _settings.Connection.Buffers;

    /// <summary>How often the node was restarted.</summary>
    public int Restarts { get; private set; }

    /// <summary>What its clock shows.</summary>
    public TimeSpan LocalNow => ToLocal(_world.Loop.Now);

    /// <summary>Dials a node and takes a turn.</summary>
    public QuicConnectionCore? Connect(QuicNode server, out ConnectionOracle? oracle)
    {
        _newestOracle = null;
        QuicConnectionCore? core = Core.Connect(LocalNow, new PathAddress(server.Address), server.Identity.PublicKey,
            _plan.OmitServerName ? null : "node.invalid", [Alpn]);
        oracle = _newestOracle;
        AccountOf(server.Address).IsValidated = true;   // we chose the address ourselves
        return core;
    }

    /// <summary>A datagram arrived; it is handled with all others of this instant.</summary>
    public void Receive(Datagram datagram)
    {
        _inbox.Add(datagram);
        WakeAt(_world.Loop.Now);
    }

    /// <summary>Makes sure that the node takes a turn now.</summary>
    public void Poke() => WakeAt(_world.Loop.Now);

    /// <summary>The address changes, as behind a NAT that forgot its mapping.</summary>
    public void Rebind()
    {
        _world.Network.Detach(Address);
        Address = new IPEndPoint(Address.Address, Address.Port + ++_addressNumber);
        _world.Network.Attach(Address, this);
    }

    /// <summary>The process dies and comes back with the same identity and no memory.</summary>
    public void Restart()
    {
        Restarts++;
        foreach (QuicConnectionCore connection in Core.Connections.ToArray())
        {
            (connection.UserState as QuicEnd)?.OnCrash();
            connection.Dispose();
        }
        _inbox.Clear();
        Core = new QuicEndpointCore(_settings);
    }

    /// <summary>The peer proved that it receives at the address (RFC 9000 §8.1, §8.2).</summary>
    public void OnValidated(IPEndPoint? chosen)
    {
        if (_source is not null)
            AccountOf(_source).IsValidated = true;
        if (chosen is not null)
            AccountOf(chosen).IsValidated = true;
    }

    private EndpointSettings CreateSettings(byte[] seed)
    {
        SimulationRandom random = _world.Loop.Random.Stream($"node/{Index}");
        // Every node can do AES-128, so that any two have a suite in common.
        CipherSuite[] suites = _plan.Suite switch
        {
            0 => [CipherSuite.Aes128GcmSha256],
            1 => [CipherSuite.ChaCha20Poly1305Sha256, CipherSuite.Aes128GcmSha256],
            _ => [CipherSuite.Aes256GcmSha384, CipherSuite.Aes128GcmSha256, CipherSuite.ChaCha20Poly1305Sha256],
        };
        // A client sends a share for its first group only: one that prefers the other group than the server causes a
        // HelloRetryRequest when the server speaks nothing else.
        NamedGroup[] groups = _plan.ForceHelloRetryRequest ? [NamedGroup.P256] : [NamedGroup.X25519, NamedGroup.P256];
        return new EndpointSettings
        {
            StatelessResetKey = seed,
            AcceptedAlpn = [Alpn],
            HandshakePressureThreshold = _plan.ForceRetry ? 0 : 256,
            Connection = new ConnectionSettings
            {
                Identity = Identity,
                Random = random,
                CipherSuites = suites,
                Groups = groups,
                IdleTimeout = _plan.IdleTimeout,
                ConnectionReceiveWindow = _plan.ConnectionWindow,
                StreamReceiveWindow = _plan.StreamWindow,
                StreamSendBuffer = _plan.StreamSendBuffer,
                MaxBidirectionalStreams = _plan.MaxStreams,
                MaxUnidirectionalStreams = _plan.MaxStreams,
                UseCubic = _plan.UseCubic,
                SkipPacketNumbers = _plan.SkipPacketNumbers,
                InitialVersion = _plan.SpeaksOtherVersion ? OtherVersion : PacketHeader.Version1,
                Buffers = new BlockPool { Poison = true },
                Trace = isClient => _newestOracle = new ConnectionOracle(_world, this, isClient),
                Knobs = new ConnectionKnobs
                {
                    KeyUpdateAfterPackets = _plan.KeyUpdateAfterPackets,
                    MaxInitialFrameBytes = _plan.MaxInitialFrameBytes,
                    MtuProbes = _plan.MtuProbes,
                    TransportParameters = _plan.ShuffleTransportParameters
                        ? parameters => ShuffleParameters(parameters, random) : null,
                },
            },
        };
    }

    /// <summary>Random order and a grease parameter, as iroh sends them (spec/quic.md §5.2).</summary>
    private static byte[] ShuffleParameters(byte[] encoded, SimulationRandom random)
    {
        var parameters = new List<byte[]>();
        for (int position = 0; position < encoded.Length;)
        {
            int start = position;
            TransportParameterWriter.TrySkip(encoded, ref position, out _);
            parameters.Add(encoded[start..position]);
        }
        byte[] grease = new byte[8 + 1 + 5];
        VarInt.WriteFixed(grease, (31 * (1000 + random.NextBelow(1_000_000UL))) + 27, 8);
        grease[8] = 5;
        parameters.Add(grease);
        for (int i = parameters.Count - 1; i > 0; i--)
        {
            int other = random.NextBelow(i + 1);
            (parameters[i], parameters[other]) = (parameters[other], parameters[i]);
        }
        return [.. parameters.SelectMany(static bytes => bytes)];
    }

    private void WakeAt(TimeSpan at)
    {
        if (_wakeAt <= at)
            return;
        _wakeAt = at;
        _world.Loop.Schedule(at, () =>
        {
            if (_wakeAt != at)
                return;   // an earlier wake-up took its place
            _wakeAt = null;
            Turn();
        });
    }

    private void Turn()
    {
        foreach (Datagram datagram in _inbox)
            Handle(datagram);
        _inbox.Clear();
        Core.HandleTimeouts(LocalNow);
        bool again = true;
        while (again)
        {
            again = false;
            while (Core.PollTransmit(LocalNow, _buffer, out Transmit transmit))
                Emit(transmit);
            while (Core.TryPollEvent(out QuicConnectionCore connection, out ConnectionEvent e))
            {
                again = true;
                _world.OnEvent(this, connection, e);
            }
        }
        if (Core.NextTimeout is { } deadline)
            WakeAt(ToGlobal(deadline));
    }

    private void Handle(Datagram datagram)
    {
        Account account = AccountOf(datagram.From);
        account.Received += datagram.Bytes.Length;
        int packets = CountPackets(datagram.Bytes, out bool hasToken);
        if (hasToken && _plan.ForceRetry && !datagram.IsFlipped)
            account.IsValidated = true;   // a token we made for this address
        ulong client = datagram.IsFlipped ? 0 : SourceIdOf(datagram.Bytes);
        _source = datagram.From;
        _newestOracle = null;
        _world.PacketsOpened = 0;
        DatagramOutcome outcome = Core.HandleDatagram(
            LocalNow, new PathAddress(datagram.From), datagram.Ecn, datagram.Bytes, out QuicConnectionCore? connection);
        _source = null;
        if (datagram.IsFlipped && _world.PacketsOpened >= Math.Max(packets, 1))
            throw new InvariantViolationException("QU-2", $"n{Index} opened every packet of a datagram with a flipped bit");
        if (outcome == DatagramOutcome.Accepted && connection is not null && _newestOracle is not null)
            _world.OnAccepted(this, connection, _newestOracle, client);
    }

    private void Emit(in Transmit transmit)
    {
        Account account = AccountOf(transmit.Path.Remote);
        for (int at = 0; at < transmit.Length; at += transmit.SegmentSize)
        {
            int length = Math.Min(transmit.SegmentSize, transmit.Length - at);
            account.Sent += length;
            if (!account.IsValidated && account.Sent > AmplificationFactor * account.Received)
            {
                throw new InvariantViolationException("QU-3", $"n{Index} sent {account.Sent} bytes to {transmit.Path.Remote}, "
                    + $"which is not validated and sent {account.Received}");
            }
            _world.Network.Send(this, transmit.Path.Remote, _buffer.AsSpan(at, length));
        }
    }

    private static int CountPackets(ReadOnlySpan<byte> datagram, out bool hasToken)
    {
        hasToken = false;
        int count = 0;
        for (int offset = 0; offset < datagram.Length && PacketHeader.TryParse(datagram, offset, out PacketHeader header); count++)
        {
            hasToken |= header.Type == PacketType.Initial && header.TokenRange.Length > 0;
            offset = header.End;
        }
        return count;
    }

    private static ulong SourceIdOf(ReadOnlySpan<byte> datagram) =>
        PacketHeader.TryParse(datagram, 0, out PacketHeader header) ? header.SourceConnectionId.AsUInt64 : 0;

    private Account AccountOf(IPEndPoint address)
    {
        if (!_accounts.TryGetValue(address, out Account? account))
            _accounts.Add(address, account = new Account());
        return account;
    }

    private TimeSpan ToLocal(TimeSpan global) => _plan.ClockOffset + global + TimeSpan.FromTicks(global.Ticks * _plan.ClockPpm / 1_000_000);

    /// <summary>The first moment of the world at which the clock shows at least <paramref name="local"/>.</summary>
    private TimeSpan ToGlobal(TimeSpan local)
    {
        TimeSpan sinceStart = local - _plan.ClockOffset;
        var global = new TimeSpan((long)((Int128)sinceStart.Ticks * 1_000_000 / (1_000_000 + _plan.ClockPpm)));
        while (ToLocal(global) < local)
            global += TimeSpan.FromTicks(1);
        return global;
    }

    /// <summary>What was exchanged with one address.</summary>
    private sealed class Account
    {
        public long Received { get; set; }

        public long Sent { get; set; }

        public bool IsValidated { get; set; }
    }
}
