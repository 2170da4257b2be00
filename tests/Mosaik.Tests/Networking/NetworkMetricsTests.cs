using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging.Abstractions;
using Mosaik.Diagnostics;
using Mosaik.Networking;

namespace Mosaik.Tests.Networking;

/// <summary>Counters and the bound on log lines (spec/wire.md §12; spec/reliability.md §12.1).</summary>
public sealed class NetworkMetricsTests : IDisposable
{
    private readonly Meter _meter = new("Mosaik");
    private readonly MeterListener _listener = new();
    private readonly Dictionary<string, long> _values = [];
    private readonly NetworkMetrics _metrics;

    public NetworkMetricsTests()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (ReferenceEquals(instrument.Meter, _meter))
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            var labels = string.Join(",", tags.ToArray().Select(t => $"{t.Key}={t.Value}"));
            var key = $"{instrument.Name}[{labels}]";
            _values[key] = _values.GetValueOrDefault(key) + value;
        });
        _listener.Start();
        _metrics = new NetworkMetrics(_meter, "my-app");
    }

    public void Dispose()
    {
        _listener.Dispose();
        _meter.Dispose();
    }

    [Fact]
    public void Links_and_payload_bytes_are_counted_per_network()
    {
        using var world = new LinkWorld();
        var context = new LinkContext(
            world.Scheduler.TimeProvider, world.Scheduler, _metrics, NullLogger.Instance, CancellationToken.None);
        world.Run(async () =>
        {
            var (near, far) = await world.ConnectAsync(WireProtocol.Ping);
            var client = await Link.OpenAsync(context, WireProtocol.Ping, near, default, default);
            await client.SendRawAsync(new byte[10]);
            using var deadline = world.Deadline(5);
            var server = await Link.AcceptAsync(context, WireProtocol.Ping, far, deadline, default);
            await server.ReceiveAsync();
            await server.Sender.SendManyRawAsync([new byte[3], new byte[4]]);
            await client.ReceiveAsync();
            Assert.True(client.Receiver.TryReceive(out _));
            await client.DisposeAsync();
            await server.DisposeAsync();
        });
        Assert.Equal(2, _values["mosaik.network.connections.opened[network=e03989181c]"]);
        Assert.Equal(17, _values["mosaik.network.egress.bytes[network=e03989181c]"]);
        Assert.Equal(17, _values["mosaik.network.ingress.bytes[network=e03989181c]"]);
    }

    [Fact]
    public void A_violation_is_counted_with_its_reason_and_logged_once_a_second()
    {
        using var world = new LinkWorld();
        var log = new ListLogger();
        var context = new LinkContext(world.Scheduler.TimeProvider, world.Scheduler, _metrics, log, CancellationToken.None);
        var peer = LinkWorld.Key(9).PeerId;
        for (var i = 0; i < 100; i++)
        {
            context.OnRefused("oversized frame", peer, WireProtocol.Ping.Alpn);
            context.OnRefused("unexpected stream", peer, WireProtocol.Ping.Alpn);
            world.Scheduler.RunFor(TimeSpan.FromMilliseconds(25));
        }

        Assert.Equal(100, _values["mosaik.network.connections.refused[network=e03989181c,reason=oversized frame]"]);
        var lines = log.Lines.Where(l => l.Text.Contains("oversized", StringComparison.Ordinal)).ToArray();
        Assert.Equal(3, lines.Length); // 2.5 s
        Assert.All(lines, l => Assert.Equal(1001, l.Id));
        Assert.Contains("(39 more", lines[1].Text, StringComparison.Ordinal);
        Assert.Contains(peer.ToString("S"), lines[0].Text, StringComparison.Ordinal);
        Assert.Equal(6, log.Lines.Count);
    }

    [Fact]
    public void The_meter_and_the_activity_source_have_their_name()
    {
        Assert.Equal("Mosaik", MosaikDiagnostics.MeterOf(null).Name);
        Assert.Same(MosaikDiagnostics.MeterOf(null), MosaikDiagnostics.MeterOf(null));
        Assert.Equal("Mosaik", MosaikDiagnostics.ActivitySource.Name);
    }
}
