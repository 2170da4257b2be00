using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Traces;

/// <summary>Assertion 10 of the traces: both blocks parse, and their connection IDs are those of the packets.</summary>
public sealed class TraceTransportParameterTests
{
    public static TheoryData<string> Traces => TraceFile.Names(_ => true);

    public static TheoryData<string> Deterministic => TraceFile.Names(trace => trace.Deterministic is not null);

    [Theory]
    [MemberData(nameof(Traces))]
    public void Both_blocks_parse_and_name_the_connection_ids_on_the_wire(string name)
    {
        var trace = TraceFile.Get(name);
        var client = Parse(trace.TransportParameters.Client);
        var server = Parse(trace.TransportParameters.Server);
        var firstOfClient = trace.Datagrams.First(d => d.From == "client").Packets[0];
        var firstOfServer = trace.Datagrams.First(d => d.From == "server").Packets[0];
        Assert.Null(client.OriginalDestinationConnectionId);
        Assert.True(client.StatelessResetToken.IsEmpty);
        AssertIs(firstOfClient.Scid, client.InitialSourceConnectionId);
        AssertIs(firstOfClient.Dcid, server.OriginalDestinationConnectionId);
        AssertIs(firstOfServer.Scid, server.InitialSourceConnectionId);
        Assert.Null(server.RetrySourceConnectionId);
        Assert.Equal(30_000ul, client.MaxIdleTimeoutMilliseconds);
    }

    [Theory]
    [MemberData(nameof(Deterministic))]
    public void The_profile_side_encodes_to_the_recorded_bytes(string name)
    {
        var trace = TraceFile.Get(name);
        // The filter of the theory data leaves only traces that have it.
        var recorded = trace.Deterministic!.Role == "client" ? trace.TransportParameters.Client : trace.TransportParameters.Server;
        Assert.Equal(Convert.ToHexStringLower(recorded), Convert.ToHexStringLower(Parse(recorded).Encode()));
    }

    private static TransportParameters Parse(byte[] block)
    {
        var parsed = TransportParameters.TryParse(block, out var reason);
        Assert.True(parsed is not null, reason);
        return parsed;
    }

    private static void AssertIs(byte[]? expected, ConnectionId? actual)
    {
        Assert.NotNull(actual);
        Assert.Equal(new ConnectionId(expected), actual.Value);
    }
}
