using System.Diagnostics;
using System.Diagnostics.Metrics;
using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>The instruments <c>mosaik.groups.*</c> of one group (spec/groups.md §14).</summary>
internal sealed class GroupMetrics
{
    private readonly UpDownCounter<long> _active;
    private readonly Gauge<long> _bonds;
    private readonly Counter<long> _bytesSent;
    private readonly Counter<long> _bytesReceived;
    private readonly Counter<long> _messagesSent;
    private readonly Counter<long> _messagesReceived;
    private readonly Counter<long> _skipped;
    private readonly Counter<long> _entriesRejected;
    private readonly Counter<long> _elections;
    private readonly Counter<long> _leaderChanges;
    private readonly Counter<long> _reverts;
    private readonly Counter<long> _catchUps;
    private readonly Gauge<long> _committed;
    private readonly Gauge<long> _voters;
    private readonly Gauge<long> _nonVoters;
    private readonly Gauge<long> _size;
    private readonly TagList _network;
    private readonly TagList _labels;

    public GroupMetrics(Meter meter, NetworkId network, GroupId group)
    {
        var label = network.ToString("S", null);
        _network = new TagList { { "network", label } };
        _labels = new TagList { { "network", label }, { "group", group.ToString("S", null) } };
        _active = meter.CreateUpDownCounter<long>("mosaik.groups.active");
        _bonds = meter.CreateGauge<long>("mosaik.groups.bonds.active");
        _bytesSent = meter.CreateCounter<long>("mosaik.groups.bonds.bytes.sent", "By");
        _bytesReceived = meter.CreateCounter<long>("mosaik.groups.bonds.bytes.received", "By");
        _messagesSent = meter.CreateCounter<long>("mosaik.groups.bonds.messages.sent");
        _messagesReceived = meter.CreateCounter<long>("mosaik.groups.bonds.messages.received");
        _skipped = meter.CreateCounter<long>("mosaik.groups.bonds.skipped");
        _entriesRejected = meter.CreateCounter<long>("mosaik.groups.bonds.entries.rejected");
        _elections = meter.CreateCounter<long>("mosaik.groups.raft.elections");
        _leaderChanges = meter.CreateCounter<long>("mosaik.groups.raft.leader.changes");
        _reverts = meter.CreateCounter<long>("mosaik.groups.raft.reverts");
        _catchUps = meter.CreateCounter<long>("mosaik.groups.raft.catchups");
        _committed = meter.CreateGauge<long>("mosaik.groups.raft.committed");
        _voters = meter.CreateGauge<long>("mosaik.groups.raft.committee.voters");
        _nonVoters = meter.CreateGauge<long>("mosaik.groups.raft.committee.non_voters");
        _size = meter.CreateGauge<long>("mosaik.groups.raft.committee.size");
    }

    public void Joined() => _active.Add(1, _network);

    public void Left() => _active.Add(-1, _network);

    public void Bonds(int count) => _bonds.Record(count, _labels);

    public void Sent(int messages, long bytes)
    {
        if (_messagesSent.Enabled)
            _messagesSent.Add(messages, _labels);
        if (_bytesSent.Enabled)
            _bytesSent.Add(bytes, _labels);
    }

    public void Received(long bytes)
    {
        if (_messagesReceived.Enabled)
            _messagesReceived.Add(1, _labels);
        if (_bytesReceived.Enabled)
            _bytesReceived.Add(bytes, _labels);
    }

    public void Skipped() => _skipped.Add(1, _labels);

    /// <summary>Entries in messages of peers that did not verify.</summary>
    public void EntriesRejected(int count) => _entriesRejected.Add(count, _labels);

    public void ElectionStarted() => _elections.Add(1, _labels);

    public void LeaderChanged() => _leaderChanges.Add(1, _labels);

    public void Reverted() => _reverts.Add(1, _labels);

    public void CatchUpStarted() => _catchUps.Add(1, _labels);

    public void Committed(LogIndex index)
    {
        if (_committed.Enabled)
            _committed.Record((long)index.Value, _labels);
    }

    public void Committee(int voters, int nonVoters)
    {
        _voters.Record(voters, _labels);
        _nonVoters.Record(nonVoters, _labels);
        _size.Record(voters + nonVoters, _labels);
    }
}
