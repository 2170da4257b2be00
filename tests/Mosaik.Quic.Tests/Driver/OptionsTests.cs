using System.Net;

namespace Mosaik.Quic.Tests.Driver;

public sealed class OptionsTests
{
    private static QuicOptions Valid => new() { IdentitySeed = new byte[32] };

    public static TheoryData<string, Func<QuicOptions, QuicOptions>> Mistakes => new()
    {
        { nameof(QuicOptions.IdentitySeed), static o => o with { IdentitySeed = new byte[31] } },
        { nameof(QuicOptions.AcceptedAlpn), static o => o with { AcceptedAlpn = [""] } },
        { nameof(QuicOptions.AcceptedAlpn), static o => o with { AcceptedAlpn = [new string('a', 256)] } },
        { nameof(QuicOptions.BindEndPoints), static o => o with { BindEndPoints = [] } },
        { nameof(QuicOptions.IdleTimeout), static o => o with { IdleTimeout = -TimeSpan.FromSeconds(1) } },
        { nameof(QuicOptions.KeepAliveInterval), static o => o with { KeepAliveInterval = -TimeSpan.FromSeconds(1) } },
        { nameof(QuicOptions.HandshakeTimeout), static o => o with { HandshakeTimeout = TimeSpan.Zero } },
        { nameof(QuicOptions.ConnectionReceiveWindow), static o => o with { ConnectionReceiveWindow = 0 } },
        { nameof(QuicOptions.StreamReceiveWindow), static o => o with { StreamReceiveWindow = 1L << 62 } },
        { nameof(QuicOptions.SendWindow), static o => o with { SendWindow = 0 } },
        { nameof(QuicOptions.StreamSendBuffer), static o => o with { StreamSendBuffer = 0 } },
        { nameof(QuicOptions.MaxBidirectionalStreams), static o => o with { MaxBidirectionalStreams = -1 } },
        { nameof(QuicOptions.MaxUnidirectionalStreams), static o => o with { MaxUnidirectionalStreams = -1 } },
        { nameof(QuicOptions.MaxUnfinishedHandshakes), static o => o with { MaxUnfinishedHandshakes = 0 } },
        { nameof(QuicOptions.HandshakePressureThreshold), static o => o with { HandshakePressureThreshold = -1 } },
        {
            nameof(QuicOptions.MaxUnfinishedHandshakesPerSource),
            static o => o with { MaxUnfinishedHandshakesPerSource = 0 }
        },
        { nameof(QuicOptions.AcceptQueueCapacity), static o => o with { AcceptQueueCapacity = 0 } },
        { nameof(QuicOptions.MaxConnections), static o => o with { MaxConnections = 0 } },
        { nameof(QuicOptions.EndpointReceiveBudget), static o => o with { EndpointReceiveBudget = 0 } },
        { nameof(QuicOptions.TimeProvider), static o => o with { TimeProvider = null! } },
        { nameof(QuicOptions.Scheduler), static o => o with { Scheduler = null! } },
        { nameof(QuicOptions.Random), static o => o with { Random = null! } },
    };

    [Theory]
    [MemberData(nameof(Mistakes), DisableDiscoveryEnumeration = true)]
    public void A_mistake_names_its_property(string property, Func<QuicOptions, QuicOptions> mistake)
    {
        var e = Assert.Throws<ArgumentException>(() => mistake(Valid).Validate());
        Assert.StartsWith(property, e.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => QuicEndpoint.Bind(mistake(Valid)));
    }

    [Fact]
    public void The_defaults_are_those_of_the_specification()
    {
        var o = Valid;
        o.Validate();
        Assert.Equal(TimeSpan.FromSeconds(30), o.IdleTimeout);
        Assert.Equal(TimeSpan.FromSeconds(5), o.KeepAliveInterval);
        Assert.Equal(16_777_216, o.ConnectionReceiveWindow);
        Assert.Equal(1_250_000, o.StreamReceiveWindow);
        Assert.Equal(10_000_000, o.SendWindow);
        Assert.Equal(262_144, o.StreamSendBuffer);
        Assert.Equal(100, o.MaxBidirectionalStreams);
        Assert.Equal(100, o.MaxUnidirectionalStreams);
        Assert.Equal((1024, 256, 64), (o.MaxUnfinishedHandshakes, o.HandshakePressureThreshold, o.MaxUnfinishedHandshakesPerSource));
        Assert.Equal((1024, 16_384), (o.AcceptQueueCapacity, o.MaxConnections));
        Assert.Equal([new IPEndPoint(IPAddress.Any, 0)], o.BindEndPoints);
        Assert.False(o.AllowKeyLogFromEnvironment);
    }

    [Theory]
    [InlineData(1ul)]
    [InlineData(2ul)]
    [InlineData(3ul)]
    [InlineData(1000ul)]
    [InlineData(ulong.MaxValue)]
    public void Random_numbers_stay_below_their_bound(ulong bound)
    {
        for (var i = 0; i < 1000; i++)
            Assert.True(RandomSource.Cryptographic.NextBelow(bound) < bound);
        Assert.InRange(RandomSource.Cryptographic.NextDouble(), 0, 0.9999999999999999);
    }

    [Theory]
    [InlineData(
        "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29",
        "7dl2ff6emqi2qol3l382krodedij45bn3nh479hqo14a32qpr8kg.iroh.invalid")]
    [InlineData(
        "197f6b23e16c8532c6abc838facd5ea789be0c76b2920334039bfa8b3d368d61",
        "35vmm8v1di2j5hlbp0sfljauku4rs33mma906d03jft8mf9mhlgg.iroh.invalid")]
    public void Server_names_follow_from_keys(string key, string name) =>
        Assert.Equal(name, Mosaik.Quic.Driver.ServerNames.Of(Convert.FromHexString(key)));
}
