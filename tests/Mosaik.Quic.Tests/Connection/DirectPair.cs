using System.Net;
using Mosaik.Quic.Connection;
using Mosaik.Quic.Crypto;
using Mosaik.Quic.Endpoint;
using Mosaik.Quic.Paths;
using Mosaik.Quic.Tests.Tls;

namespace Mosaik.Quic.Tests.Connection;

/// <summary>
/// Two endpoint cores joined without a network or a queue: every datagram is handled from the buffer it was written to.
/// Nothing of the harness allocates, so that what the cores allocate can be measured.
/// </summary>
internal sealed class DirectPair : IDisposable
{
    private readonly byte[] _buffer = new byte[65_536];
    private readonly Ed25519SigningKey _serverIdentity;
    private readonly Ed25519SigningKey _clientIdentity;
    private readonly PathAddress _clientPath = new(IPEndPoint.Parse("10.0.0.1:1000"));
    private readonly PathAddress _serverPath = new(IPEndPoint.Parse("10.0.0.2:2000"));

    public DirectPair(RandomSource? random = null)
    {
        random ??= new SeededRandom(7);
        _clientIdentity = Ed25519SigningKey.FromSeed(Seed(1));
        _serverIdentity = Ed25519SigningKey.FromSeed(Seed(2));
        Client = new QuicEndpointCore(Settings(_clientIdentity, random));
        Server = new QuicEndpointCore(Settings(_serverIdentity, random));
    }

    public QuicEndpointCore Client { get; }

    public QuicEndpointCore Server { get; }

    public TimeSpan Now { get; private set; } = TimeSpan.FromSeconds(1);

    /// <summary>The newest server connection.</summary>
    public QuicConnectionCore? Accepted { get; private set; }

    public Action<QuicConnectionCore, ConnectionEvent>? OnEvent { get; set; }

    public long Packets { get; private set; }

    public QuicConnectionCore Connect()
    {
        QuicConnectionCore? core = Client.Connect(Now, _serverPath, _serverIdentity.PublicKey, "test.invalid", [Node.Alpn]);
        Assert.NotNull(core);
        return core;
    }

    public void RunUntilConfirmed(QuicConnectionCore core)
    {
        for (int i = 0; i < 1000 && !core.IsHandshakeConfirmed; i++)
            Step();
        Assert.True(core.IsHandshakeConfirmed);
    }

    /// <summary>One turn of each side, a hundred microseconds of time.</summary>
    public void Step()
    {
        Now += TimeSpan.FromMicroseconds(100);
        Turn(Client, Server, _clientPath);
        Turn(Server, Client, _serverPath);
    }

    public void Dispose()
    {
        _clientIdentity.Dispose();
        _serverIdentity.Dispose();
    }

    private void Turn(QuicEndpointCore from, QuicEndpointCore to, in PathAddress source)
    {
        from.HandleTimeouts(Now);
        while (from.PollTransmit(Now, _buffer, out Transmit transmit))
        {
            for (int at = 0; at < transmit.Length; at += transmit.SegmentSize)
            {
                Packets++;
                int length = Math.Min(transmit.SegmentSize, transmit.Length - at);
                to.HandleDatagram(Now, source, Ecn.NotEct, _buffer.AsSpan(at, length), out _);
            }
        }
        while (from.TryPollEvent(out QuicConnectionCore core, out ConnectionEvent e))
        {
            if (e.Kind == ConnectionEventKind.Connected && !core.IsClient)
            {
                Accepted = core;
                from.OnAccepted(core);
            }
            OnEvent?.Invoke(core, e);
        }
    }

    private static EndpointSettings Settings(Ed25519SigningKey identity, RandomSource random) => new()
    {
        Connection = new ConnectionSettings { Identity = identity, Random = random },
        StatelessResetKey = Seed(3),
        AcceptedAlpn = [Node.Alpn],
    };

    private static byte[] Seed(byte value)
    {
        byte[] seed = new byte[32];
        seed.AsSpan().Fill(value);
        return seed;
    }
}
