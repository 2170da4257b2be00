using Mosaik.Quic.Tests.Traces;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Wire;

public sealed class TransportParametersTests
{
    private const string ClientBytes =   // spec/quic.md §5.1
        "010480007530030245c00404810000000504801312d00604801312d00704801312d008024064090240640e01050f08c1c2c3c4c5c6c7c8";

    private const string Zeros16 = "00000000000000000000000000000000";
    private const string Zeros24 = Zeros16 + "0000000000000000";

    public static TheoryData<string> Traces => TraceFile.Names(_ => true);

    [Fact]
    public void Writes_the_bytes_of_the_specification()
    {
        byte[] bytes = Profile().Encode();
        Assert.Equal(ClientBytes, Convert.ToHexStringLower(bytes));
    }

    [Fact]
    public void Writes_the_server_parameters_in_their_places()
    {
        byte[] token = new SeededRandom(1).Bytes(16);
        byte[] bytes = (Profile() with
        {
            OriginalDestinationConnectionId = new ConnectionId(new byte[20]),
            StatelessResetToken = token,
            RetrySourceConnectionId = ConnectionId.FromUInt64(5),
        }).Encode();
        string hex = Convert.ToHexStringLower(bytes);
        Assert.StartsWith("0014" + new string('0', 40) + "010480007530" + "0210" + Convert.ToHexStringLower(token) + "0302", hex,
            StringComparison.Ordinal);
        Assert.EndsWith("0f08c1c2c3c4c5c6c7c8" + "10080000000000000005", hex, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Traces))]
    public void Parses_both_blocks_of_every_trace(string name)
    {
        TraceFile trace = TraceFile.Get(name);
        foreach ((string side, byte[] block) in new[]
            { ("client", trace.TransportParameters.Client), ("server", trace.TransportParameters.Server) })
        {
            TransportParameters? parameters = TransportParameters.TryParse(block, out string? reason);
            Assert.True(parameters is not null, reason);
            bool server = side == "server";
            TracePacket first = trace.Datagrams.First(d => d.From == side).Packets[0];
            Assert.Null(parameters.Validate(
                server, new ConnectionId(first.Scid!), new ConnectionId(trace.ConnectionIds.OriginalDestination), null));
            Assert.Equal(new ConnectionId(server ? trace.ConnectionIds.Server : trace.ConnectionIds.Client),
                parameters.InitialSourceConnectionId);
            Assert.Equal(server && HasParameter(block, 0x02), !parameters.StatelessResetToken.IsEmpty);
            AssertValues(block, parameters);
        }
    }

    [Theory]
    [MemberData(nameof(Traces))]
    public void Encodes_again_to_the_same_bytes_for_the_profile_side(string name)
    {
        TraceFile trace = TraceFile.Get(name);
        if (trace.Deterministic is not { } profile)
            return;
        byte[] block = profile.Role == "client" ? trace.TransportParameters.Client : trace.TransportParameters.Server;
        Assert.Equal(block, TransportParameters.TryParse(block, out _)!.Encode());
    }

    [Theory]
    [InlineData("0104800075300104800075300f00", "twice")]
    [InlineData("1b001b000f00", "twice")]                      // an unknown parameter twice
    [InlineData("400104800075300104800075300f00", "twice")]    // ids compare as numbers, not as bytes
    [InlineData("01", "truncated")]
    [InlineData("0104800075", "truncated")]
    [InlineData("01ffffffffffffffff00", "truncated")]
    [InlineData("01058000753000", "malformed")]              // bytes behind the number
    [InlineData("0100", "malformed")]                          // no number
    [InlineData("020f000102030405060708090a0b0c0d0e", "malformed")]
    [InlineData("0f15000000000000000000000000000000000000000000", "malformed")]   // 21-byte connection id
    [InlineData("0015000000000000000000000000000000000000000000", "malformed")]
    [InlineData("0c0100", "malformed")]
    [InlineData("0d00", "malformed")]
    [InlineData("030244af", "below 1200")]
    [InlineData("0a0115", "above 20")]
    [InlineData("0b0480004000", "2^14")]
    [InlineData("0e0101", "below 2")]
    [InlineData("0808d000000000000001", "2^60")]
    [InlineData("0908d000000000000001", "2^60")]
    public void Refuses(string hex, string reason)
    {
        Assert.Null(TransportParameters.TryParse(Convert.FromHexString(hex), out string? actual));
        Assert.Contains(reason, actual, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("030244b0")]                     // 1200
    [InlineData("0a0114")]                       // 20
    [InlineData("0b027fff")]                     // 2^14 − 1
    [InlineData("0e0102")]
    [InlineData("0808d000000000000000")]         // 2^60
    [InlineData("c0000000ff04de1b00")]           // unknown, 8-byte id, empty
    [InlineData("400104800075300f00")]           // a known id in two bytes
    [InlineData("0c00")]
    [InlineData("0d2a" + Zeros24 + "01" + "aa" + Zeros16)]   // preferred_address with a one-byte id
    public void Accepts(string hex) =>
        Assert.True(TransportParameters.TryParse(Convert.FromHexString(hex), out string? reason) is not null, reason);

    [Theory]
    [InlineData("0d29" + Zeros24 + "00" + Zeros16)]          // empty id
    [InlineData("0d29" + Zeros24 + "01" + "aa" + "000000000000000000000000000000")]   // token of 15 bytes
    public void Refuses_a_malformed_preferred_address(string hex) =>
        Assert.Null(TransportParameters.TryParse(Convert.FromHexString(hex), out _));

    [Fact]
    public void Known_id_in_a_longer_form_sets_its_value() => Assert.Equal(30_000UL,
        TransportParameters.TryParse(Convert.FromHexString("40010480007530"), out _)!.MaxIdleTimeoutMilliseconds);

    [Fact]
    public void Absent_parameters_have_the_defaults_of_the_rfc()
    {
        TransportParameters parameters = TransportParameters.TryParse([], out _)!;
        Assert.Equal(new TransportParameters(), parameters);
        Assert.Equal((3UL, 25UL, 2UL, 65527UL), (parameters.AckDelayExponent, parameters.MaxAckDelayMilliseconds,
            parameters.ActiveConnectionIdLimit, parameters.MaxUdpPayloadSize));
    }

    [Fact]
    public void A_client_may_not_send_what_only_servers_send()
    {
        ConnectionId source = ConnectionId.FromUInt64(7);
        var plain = new TransportParameters { InitialSourceConnectionId = source };
        Assert.Null(plain.Validate(false, source, default, null));
        Assert.NotNull((plain with { OriginalDestinationConnectionId = source }).Validate(false, source, default, null));
        Assert.NotNull((plain with { RetrySourceConnectionId = source }).Validate(false, source, default, null));
        Assert.NotNull((plain with { StatelessResetToken = new byte[16] }).Validate(false, source, default, null));
        Assert.NotNull((plain with { HasPreferredAddress = true }).Validate(false, source, default, null));
    }

    [Fact]
    public void Connection_ids_must_be_those_of_the_packets()
    {
        ConnectionId source = ConnectionId.FromUInt64(7), original = ConnectionId.FromUInt64(8), retry = ConnectionId.FromUInt64(9);
        var server = new TransportParameters
        {
            InitialSourceConnectionId = source,
            OriginalDestinationConnectionId = original,
        };
        Assert.Null(server.Validate(true, source, original, null));
        Assert.NotNull(server.Validate(true, retry, original, null));
        Assert.NotNull(server.Validate(true, source, retry, null));
        Assert.NotNull(server.Validate(true, source, original, retry));                      // Retry not confirmed
        Assert.NotNull((server with { RetrySourceConnectionId = retry }).Validate(true, source, original, null));
        Assert.Null((server with { RetrySourceConnectionId = retry }).Validate(true, source, original, retry));
        Assert.NotNull((server with { InitialSourceConnectionId = null }).Validate(true, source, original, null));
        Assert.NotNull((server with { OriginalDestinationConnectionId = null }).Validate(true, source, original, null));
    }

    [Fact]
    public void Round_trips_random_values()
    {
        var random = new SeededRandom(3);
        for (int i = 0; i < 2000; i++)
        {
            var parameters = new TransportParameters
            {
                MaxIdleTimeoutMilliseconds = random.VarIntValue(),
                MaxUdpPayloadSize = Math.Max(1200, random.VarIntValue()),
                InitialMaxData = random.VarIntValue(),
                InitialMaxStreamDataBidiLocal = random.VarIntValue(),
                InitialMaxStreamDataBidiRemote = random.VarIntValue(),
                InitialMaxStreamDataUni = random.VarIntValue(),
                InitialMaxStreamsBidi = Math.Min(random.VarIntValue(), 1UL << 60),
                InitialMaxStreamsUni = Math.Min(random.VarIntValue(), 1UL << 60),
                AckDelayExponent = (ulong)random.Below(21),
                MaxAckDelayMilliseconds = (ulong)random.Below(1 << 14),
                DisableActiveMigration = random.Chance(0.5),
                ActiveConnectionIdLimit = Math.Max(2, random.VarIntValue()),
                InitialSourceConnectionId = new ConnectionId(random.Bytes(random.Below(21))),
                RetrySourceConnectionId = random.Chance(0.5) ? new ConnectionId(random.Bytes(random.Below(21))) : null,
            };
            Assert.Equal(parameters, TransportParameters.TryParse(parameters.Encode(), out _));
        }
    }

    internal static TransportParameters Profile() => new()
    {
        MaxIdleTimeoutMilliseconds = 30_000,
        MaxUdpPayloadSize = 1472,
        InitialMaxData = 16_777_216,
        InitialMaxStreamDataBidiLocal = 1_250_000,
        InitialMaxStreamDataBidiRemote = 1_250_000,
        InitialMaxStreamDataUni = 1_250_000,
        InitialMaxStreamsBidi = 100,
        InitialMaxStreamsUni = 100,
        ActiveConnectionIdLimit = 5,
        InitialSourceConnectionId = new ConnectionId(Convert.FromHexString("c1c2c3c4c5c6c7c8")),
    };

    private static bool HasParameter(byte[] block, ulong wanted)
    {
        for (int position = 0; position < block.Length;)
        {
            Assert.True(TransportParameterWriter.TrySkip(block, ref position, out ulong id));
            if (id == wanted)
                return true;
        }
        return false;
    }

    /// <summary>Compares every known number with an independent walk over the block.</summary>
    private static void AssertValues(byte[] block, TransportParameters parameters)
    {
        var expected = new Dictionary<ulong, ulong>
        {
            [0x01] = parameters.MaxIdleTimeoutMilliseconds,
            [0x03] = parameters.MaxUdpPayloadSize,
            [0x04] = parameters.InitialMaxData,
            [0x05] = parameters.InitialMaxStreamDataBidiLocal,
            [0x06] = parameters.InitialMaxStreamDataBidiRemote,
            [0x07] = parameters.InitialMaxStreamDataUni,
            [0x08] = parameters.InitialMaxStreamsBidi,
            [0x09] = parameters.InitialMaxStreamsUni,
            [0x0e] = parameters.ActiveConnectionIdLimit,
        };
        for (int position = 0; position < block.Length;)
        {
            ReadOnlySpan<byte> value = TransportParameterWriter.Next(block, ref position, out ulong id);
            if (expected.TryGetValue(id, out ulong number))
            {
                Assert.True(VarInt.TryRead(value, out ulong actual, out _));
                Assert.Equal(actual, number);
            }
        }
    }
}
