using System.Text.Json;
using Mosaik.Quic.Connection;

namespace Mosaik.Quic.Tests.Connection;

public sealed class QlogTraceTests
{
    [Fact]
    public void A_connection_leaves_valid_lines_for_its_whole_life()
    {
        List<string> lines = [];
        (World world, _, _, Peer client, Peer peer) = Scenarios.Connected(
            client: s => s with { Trace = _ => new QlogTrace(lines.Add), Knobs = new ConnectionKnobs { KeyUpdateAfterPackets = 10 } });
        for (int i = 0; i < 20; i++)
        {
            client.Write(client.Open(bidirectional: false), [1], finish: true);
            world.RunFor(0.1);
        }
        client.Close(7, "x");
        world.RunUntil(() => client.Drained && peer.Drained);
        string[] names = [.. lines.Select(static line => JsonDocument.Parse(line).RootElement.GetProperty("name").GetString()!)];
        string[] expected =
        [
            "connectivity:connection_started", "transport:packet_sent", "transport:packet_received", "security:key_updated",
            "security:key_discarded", "recovery:metrics_updated", "connectivity:connection_state_updated",
        ];
        foreach (string name in expected)
            Assert.Contains(name, names);
        Assert.Contains("\"new\":\"Drained\"", lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void Key_log_lines_are_written_when_asked_for()
    {
        List<string> lines = [];
        Scenarios.Connected(client: s => s with { KeyLog = lines.Add });
        Assert.Equal(
            ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0", "EXPORTER_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"],
            lines.Select(static line => line.Split(' ')[0]).Order(StringComparer.Ordinal));
    }
}
