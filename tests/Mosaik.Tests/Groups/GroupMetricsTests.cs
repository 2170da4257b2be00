using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Mosaik.Groups;
using Mosaik.Tests.Networking;

namespace Mosaik.Tests.Groups;

/// <summary>Instruments and log events (spec/groups.md §14).</summary>
public sealed class GroupMetricsTests : IDisposable
{
    // A seed of its own: the network's label tells its measurements from those of tests that run at the same time.
    private readonly GroupWorld _world = new(seed: 4014);
    private readonly Dictionary<string, long> _sums = [];
    private readonly Dictionary<string, long> _last = [];

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Instruments_tell_what_happens() => _world.Run(async () =>
    {
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Name.StartsWith("mosaik.groups.", StringComparison.Ordinal))
                    self.EnableMeasurementEvents(instrument);
            },
        };
        var network = _world.Discovery.Id.ToString("S", null);
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            // Other tests share the process's meter.
            if (!tags.ToArray().Any(t => t.Key == "network" && (string?)t.Value == network))
                return;
            var name = instrument.Name["mosaik.groups.".Length..];
            _sums[name] = _sums.GetValueOrDefault(name) + value;
            _last[name] = value;
        });
        listener.Start();
        var (_, groups) = await _world.ClusterAsync(2);
        await groups[0].ExecuteAsync(GroupWorld.Increment(1));
        Assert.Equal(2, _sums["active"]);
        Assert.Equal(1, _last["bonds.active"]);
        Assert.Equal(1, _sums["raft.elections"]);
        Assert.Equal(2, _sums["raft.leader.changes"]);
        Assert.Equal(1, _last["raft.committed"]);
        Assert.True(_sums["bonds.messages.sent"] > 0 && _sums["bonds.bytes.received"] > 0);
        await _world.UntilAsync(() => _last["raft.committee.size"] == 2 && _last["raft.committee.voters"] == 2, 2, "the committee of two");
        await groups[1].DisposeAsync();
        Assert.Equal(1, _sums["active"]);
        await groups[0].DisposeAsync();
        Assert.Equal(0, _sums["active"]);
    });

    [Fact]
    public void A_person_reads_what_matters() => _world.Run(async () =>
    {
        var log = new ListLogger();
        var node = await _world.StartAsync(log: log);
        var group = GroupWorld.Join(node);
        await _world.WithinAsync(group.When.IsLeader().WaitAsync(), GroupWorld.T);
        var again = GroupWorld.Join(node, options: new GroupOptions { MaxBatchCommands = 7 });
        await group.DisposeAsync();
        await again.DisposeAsync();
        var lines = log.Lines.Where(l => l.Id is >= 4000 and < 5000 && l.Level >= LogLevel.Information).ToArray();
        Assert.Equal([4001, 4032, 4004, 4002], lines.Select(l => l.Id));
        Assert.Contains(group.Id.ToString(), lines[0].Text, StringComparison.Ordinal);
        Assert.Contains("other options", lines[2].Text, StringComparison.Ordinal);

        // The machine has no wire name, so its CLR name is part of the id: said once per node.
        Assert.Single(log.Lines, l => l.Id == 1100 && l.Text.Contains(nameof(Counter), StringComparison.Ordinal));
    });
}
