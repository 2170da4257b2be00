using System.Diagnostics;
using System.Diagnostics.Metrics;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// The instruments <c>mosaik.discovery.*</c> of one network (spec/discovery.md §14). Labels are built once.
/// </summary>
internal sealed class DiscoveryMetrics
{
    private readonly Gauge<long> _catalogSize;
    private readonly Counter<long> _discovered;
    private readonly Counter<long> _updated;
    private readonly Counter<long> _departed;
    private readonly Counter<long> _syncs;
    private readonly Counter<long> _syncsFailed;
    private readonly Counter<long> _rejected;
    private readonly Gauge<long> _oversized;
    private readonly TagList _network;
    private readonly Dictionary<UpsertResult, TagList> _reasons = [];

    public DiscoveryMetrics(Meter meter, NetworkId network)
    {
        string label = network.ToString("S", null);
        _network = new TagList { { "network", label } };
        foreach ((UpsertResult result, string reason) in Reasons)
            _reasons[result] = new TagList { { "network", label }, { "reason", reason } };
        _catalogSize = meter.CreateGauge<long>("mosaik.discovery.catalog.size", null, "Known peers.");
        _discovered = meter.CreateCounter<long>("mosaik.discovery.peers.discovered", null, "New signed entries, from any source.");
        _updated = meter.CreateCounter<long>("mosaik.discovery.peers.updated", null, "Refreshed signed entries, from any source.");
        _departed = meter.CreateCounter<long>("mosaik.discovery.peers.departed", null, "Departed or purged signed entries.");
        _syncs = meter.CreateCounter<long>("mosaik.discovery.catalog.syncs", null, "Successful outgoing catalog syncs.");
        _syncsFailed = meter.CreateCounter<long>("mosaik.discovery.catalog.syncs.failed", null, "Failed outgoing catalog syncs.");
        _oversized = meter.CreateGauge<long>(
            "mosaik.discovery.announce.oversized", null, "1 while the own entry is too large to be announced, else 0.");
        _rejected = meter.CreateCounter<long>("mosaik.discovery.entries.rejected", null, "Received entries that were refused.");
    }

    private static (UpsertResult Result, string Reason)[] Reasons =>
    [
        (UpsertResult.DifferentNetwork, "network"), (UpsertResult.FromFuture, "future"), (UpsertResult.Outdated, "outdated"),
        (UpsertResult.Departed, "departed"), (UpsertResult.Invalid, "invalid"), (UpsertResult.Full, "full"),
        (UpsertResult.Throttled, "throttled"),
    ];

    public void SetCatalogSize(int peers)
    {
        if (_catalogSize.Enabled)
            _catalogSize.Record(peers, _network);
    }

    public void SetOversized(bool isOversized)
    {
        if (_oversized.Enabled)
            _oversized.Record(isOversized ? 1 : 0, _network);
    }

    /// <summary>An entry was offered to the catalog. What is older than the stored one is not worth a number.</summary>
    public void OnEntry(UpsertResult result)
    {
        switch (result)
        {
            case UpsertResult.New:
                _discovered.Add(1, _network);
                break;
            case UpsertResult.Updated:
                _updated.Add(1, _network);
                break;
            default:
                if (_rejected.Enabled && _reasons.TryGetValue(result, out TagList tags))
                    _rejected.Add(1, tags);
                break;
        }
    }

    public void OnDeparted(int count)
    {
        if (count > 0 && _departed.Enabled)
            _departed.Add(count, _network);
    }

    public void OnSync(bool succeeded) => (succeeded ? _syncs : _syncsFailed).Add(1, _network);
}
