using System.Diagnostics;
using System.Diagnostics.Metrics;
using Mosaik.Primitives;

namespace Mosaik.Diagnostics;

/// <summary>The instruments <c>mosaik.network.*</c> of one network (spec/wire.md §12). Labels are built once.</summary>
internal sealed class NetworkMetrics
{
    private readonly Counter<long> _opened;
    private readonly Counter<long> _egress;
    private readonly Counter<long> _ingress;
    private readonly Counter<long> _refused;
    private readonly string _network;
    private readonly TagList _tags;

    /// <summary>Instruments labelled with a network.</summary>
    public NetworkMetrics(Meter meter, NetworkId network)
    {
        _network = network.ToString("S", null);
        _tags = new TagList { { "network", _network } };
        _opened = meter.CreateCounter<long>(
            "mosaik.network.connections.opened", null, "Links opened and links accepted.");
        _egress = meter.CreateCounter<long>(
            "mosaik.network.egress.bytes", "By", "Payload bytes sent, without frame headers.");
        _ingress = meter.CreateCounter<long>(
            "mosaik.network.ingress.bytes", "By", "Payload bytes received, without frame headers.");
        _refused = meter.CreateCounter<long>(
            "mosaik.network.connections.refused", null, "Connections refused or ended because of a limit or a violation.");
    }

    /// <summary>A link was opened or accepted.</summary>
    public void OnOpened()
    {
        if (_opened.Enabled)
            _opened.Add(1, _tags);
    }

    /// <summary>Frames were handed to the transport.</summary>
    public void OnSent(long payloadBytes)
    {
        if (_egress.Enabled)
            _egress.Add(payloadBytes, _tags);
    }

    /// <summary>Frames were received.</summary>
    public void OnReceived(long payloadBytes)
    {
        if (_ingress.Enabled)
            _ingress.Add(payloadBytes, _tags);
    }

    /// <summary>A limit or a rule ended a connection. Rare, hence the list is built here.</summary>
    public void OnRefused(string reason)
    {
        if (_refused.Enabled)
            _refused.Add(1, new TagList { { "network", _network }, { "reason", reason } });
    }
}
