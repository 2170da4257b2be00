using Mosaik.Groups;
using Mosaik.Groups.Bonds;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Testing;

namespace Mosaik.Tests.Groups;

/// <summary>Who dials whom when, and which of two connections is kept (spec/groups.md §4.2, §4.4).</summary>
public sealed class BondTableCoreTests
{
    private static readonly PeerId Small = PeerIdOf(1);
    private static readonly PeerId Large = PeerIdOf(2);
    private static readonly TimeSpan Start = TimeSpan.FromSeconds(100);

    [Fact]
    public void The_smaller_id_dials_at_once_and_the_larger_one_waits()
    {
        var small = Table(Small);
        small.SetTarget(Large, true, true, Start);
        Assert.Equal(Large, Dial(small).Peer);
        Assert.Equal(DialPhase.Dialling, small.PhaseOf(Large));

        var large = Table(Large);
        large.SetTarget(Small, true, true, Start);
        Assert.Empty(large.TakeEffects());
        Assert.Equal(DialPhase.Delayed, large.PhaseOf(Small));
        Assert.InRange(large.NextDeadline!.Value - Start, TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(250));
        large.Advance(large.NextDeadline.Value - TimeSpan.FromTicks(1));
        Assert.Empty(large.TakeEffects());
        large.Advance(large.NextDeadline.Value);
        Assert.Equal(Small, Dial(large).Peer);
        Assert.Null(large.NextDeadline);
    }

    [Fact]
    public void A_node_never_dials_itself_nor_anybody_twice_at_once()
    {
        var table = Table(Small);
        table.SetTarget(Small, true, true, Start);
        table.SetTarget(Large, true, true, Start);
        table.SetTarget(Large, true, true, Start);
        Assert.Single(table.TakeEffects());
    }

    [Fact]
    public void Back_off_doubles_to_its_maximum_and_is_reset_by_a_new_entry()
    {
        var table = Table(Small);
        table.SetTarget(Large, true, true, Start);
        var now = Start;
        foreach (var seconds in new[] { 0.5, 1, 2, 4, 8, 16, 30, 30 })
        {
            table.OnDialFailed(Large, Dial(table).Dial, isRefused: false, now);
            Assert.Equal(DialPhase.Backoff, table.PhaseOf(Large));
            Assert.InRange((table.NextDeadline!.Value - now).TotalSeconds, seconds * 0.8, seconds * 1.2);
            now = table.NextDeadline.Value;
            table.Advance(now);
        }

        table.OnDialFailed(Large, Dial(table).Dial, isRefused: false, now);
        table.SetTarget(Large, true, entryChanged: false, now);
        Assert.Empty(table.TakeEffects());
        table.SetTarget(Large, true, entryChanged: true, now);
        table.OnDialFailed(Large, Dial(table).Dial, isRefused: false, now);
        Assert.InRange((table.NextDeadline!.Value - now).TotalSeconds, 0.4, 0.6);
    }

    [Fact]
    public void A_refusal_waits_for_the_maximum_or_a_new_entry()
    {
        var table = Table(Small);
        table.SetTarget(Large, true, true, Start);
        table.OnDialFailed(Large, Dial(table).Dial, isRefused: true, Start);
        Assert.InRange((table.NextDeadline!.Value - Start).TotalSeconds, 24, 36);
        table.SetTarget(Large, true, entryChanged: true, Start);
        Assert.Single(table.TakeEffects());
    }

    [Fact]
    public void A_bond_that_lived_long_is_dialled_again_soon()
    {
        var table = Table(Small);
        table.SetTarget(Large, true, true, Start);
        table.OnDialFailed(Large, Dial(table).Dial, isRefused: true, Start);
        table.Advance(Start + TimeSpan.FromMinutes(1));
        var now = Start + TimeSpan.FromMinutes(1);
        Assert.True(table.OnDialCompleted(Large, Dial(table).Dial, 7, null, now));
        Assert.Null(table.NextDeadline);
        table.OnBondLost(Large, 6, now); // an older one
        Assert.Equal(DialPhase.Bonded, table.PhaseOf(Large));
        now += TimeSpan.FromSeconds(10);
        table.OnBondLost(Large, 7, now);
        Assert.InRange((table.NextDeadline!.Value - now).TotalSeconds, 0.4, 0.6);
    }

    [Fact]
    public void Losing_the_evidence_ends_what_is_under_way()
    {
        var table = Table(Small);
        table.SetTarget(Large, true, true, Start);
        var dial = Dial(table).Dial;
        table.SetTarget(Large, false, true, Start);
        Assert.Equal(new BondEffect.AbortDial(Large, dial, CloseCode.Cancelled), Assert.Single(table.TakeEffects()));
        Assert.False(table.OnStartSent(Large, dial));
        Assert.False(table.OnDialCompleted(Large, dial, 1, null, Start));
        Assert.Equal(DialPhase.Idle, table.PhaseOf(Large));
    }

    [Fact]
    public void An_inbound_handshake_wins_over_a_dial_that_has_not_sent_its_own()
    {
        foreach (var (self, peer) in new[] { (Small, Large), (Large, Small) })
        {
            var table = Table(self);
            var dial = Begin(table, peer);
            Assert.Equal(InboundVerdict.Accept, table.CheckInbound(peer, null, false));
            table.AcceptInbound(peer, 1, null, Start);
            Assert.Equal(new BondEffect.AbortDial(peer, dial, CloseCode.Cancelled), Assert.Single(table.TakeEffects()));
            Assert.Equal(DialPhase.Bonded, table.PhaseOf(peer));
        }
    }

    [Fact]
    public void Of_two_handshakes_that_cross_the_smaller_id_keeps_its_own()
    {
        var small = Table(Small);
        var dial = Begin(small, Large);
        Assert.True(small.OnStartSent(Large, dial));
        Assert.Equal(InboundVerdict.AlreadyBonded, small.CheckInbound(Large, null, false));
        Assert.True(small.OnDialCompleted(Large, dial, 1, null, Start));

        var large = Table(Large);
        dial = Begin(large, Small);
        Assert.True(large.OnStartSent(Small, dial));
        Assert.Equal(InboundVerdict.Accept, large.CheckInbound(Small, null, false));
        large.AcceptInbound(Small, 1, null, Start);
        Assert.Equal(new BondEffect.AbortDial(Small, dial, CloseCode.AlreadyBonded), Assert.Single(large.TakeEffects()));
        Assert.False(large.OnDialCompleted(Small, dial, 2, null, Start));
    }

    [Fact]
    public void A_bond_gives_way_only_to_another_process_or_after_silence()
    {
        var (first, second) = (IncarnationOf(1), IncarnationOf(2));
        var table = Table(Small);
        table.AcceptInbound(Large, 1, first, Start);
        Assert.Equal(InboundVerdict.AlreadyBonded, table.CheckInbound(Large, first, hasMissedHeartbeat: false));
        Assert.Equal(InboundVerdict.Replace, table.CheckInbound(Large, first, hasMissedHeartbeat: true));
        Assert.Equal(InboundVerdict.Replace, table.CheckInbound(Large, second, hasMissedHeartbeat: false));
        table.AcceptInbound(Large, 2, second, Start);
        Assert.Equal(new BondEffect.CloseBond(Large, 1, CloseCode.Cancelled), Assert.Single(table.TakeEffects()));
        table.OnBondLost(Large, 1, Start);
        Assert.Equal(DialPhase.Bonded, table.PhaseOf(Large));
    }

    [Fact]
    public void Synchronising_with_the_peer_lets_an_inbound_handshake_in_again()
    {
        var table = Table(Small);
        var dial = Begin(table, Large);
        table.OnStartSent(Large, dial);
        Assert.True(table.OnStartSent(Large, dial, sent: false));
        Assert.Equal(InboundVerdict.Accept, table.CheckInbound(Large, null, false));
    }

    /// <summary>
    /// Two tables, one message at a time in an order drawn from a seed: exactly one bond remains, the same on both sides.
    /// </summary>
    [Fact]
    public void Simultaneous_dials_end_with_the_same_single_bond_in_every_order()
    {
        for (ulong seed = 0; seed < 200; seed++)
        {
            var world = new TwoTables(seed);
            world.Run();
            Assert.True(world.IsConsistent, $"seed {seed}: {world}");
        }
    }

    /// <summary>
    /// Against a peer that keeps, like Rust, what finished first at its own end, and never dials again: both connections can
    /// be lost when both dial at once, and our retry repairs that.
    /// </summary>
    [Fact]
    public void A_peer_that_keeps_what_finished_first_ends_with_one_bond_too()
    {
        for (ulong seed = 0; seed < 200; seed++)
        {
            var world = new TwoTables(seed, foreign: (int)(seed % 2));
            world.Run();
            Assert.True(world.IsConsistent, $"seed {seed}: {world}");
        }
    }

    private static BondTableCore Table(PeerId self) => new(self, new SimulationRandom(1));

    private static BondEffect.StartDial Dial(BondTableCore table) =>
        Assert.IsType<BondEffect.StartDial>(Assert.Single(table.TakeEffects()));

    private static long Begin(BondTableCore table, PeerId peer)
    {
        table.SetTarget(peer, true, true, Start);
        table.Advance(Start + TimeSpan.FromSeconds(1));
        return Dial(table).Dial;
    }

    private static PeerId PeerIdOf(byte value) => PeerId.FromRawUnchecked(Enumerable.Repeat(value, PeerId.Length).ToArray());

    private static Incarnation IncarnationOf(byte value) =>
        Incarnation.FromRaw(Enumerable.Repeat(value, Incarnation.Length).ToArray());

    /// <summary>A model of two nodes and their connections, without any clock but the seed's order.</summary>
    private sealed class TwoTables
    {
        private readonly SimulationRandom _random;
        private readonly BondTableCore[] _tables;
        private readonly List<Action> _pending = [];
        private readonly long?[] _bonds = new long?[2];
        private readonly HashSet<long> _closed = [];
        private readonly Dictionary<(int, long), long> _dialled = [];
        private readonly int _foreign;
        private TimeSpan _now = Start;
        private long _connections;

        public TwoTables(ulong seed, int foreign = -1)
        {
            _foreign = foreign;
            _random = new SimulationRandom(seed);
            _tables = [new BondTableCore(Small, _random), new BondTableCore(Large, _random)];
        }

        public bool IsConsistent => _bonds[0] is { } one && one == _bonds[1] && !_closed.Contains(one);

        public override string ToString() => $"{_bonds[0]} / {_bonds[1]}, closed: {string.Join(' ', _closed)}";

        public void Run()
        {
            for (var i = 0; i < 2; i++)
            {
                var node = i;
                if (node == _foreign)
                    _pending.Add(() => SendForeign(++_connections));
                else
                    _pending.Add(() => Change(node, t => t.SetTarget(Other(node), true, true, _now)));
            }

            for (var step = 0; step < 500 && !(IsConsistent && _pending.Count == 0); step++)
            {
                if (_pending.Count == 0)
                {
                    var due = _tables.Select(t => t.NextDeadline).OfType<TimeSpan>().DefaultIfEmpty(_now).Min();
                    _now = due > _now ? due : _now;
                    for (var node = 0; node < 2; node++)
                    {
                        if (node != _foreign)
                            Change(node, t => t.Advance(_now));
                    }

                    continue;
                }

                var next = _random.NextBelow(_pending.Count);
                var action = _pending[next];
                _pending.RemoveAt(next);
                action();
            }
        }

        private static PeerId Other(int node) => node == 0 ? Large : Small;

        private void Change(int node, Action<BondTableCore> change)
        {
            change(_tables[node]);
            foreach (var effect in _tables[node].TakeEffects())
            {
                switch (effect)
                {
                    case BondEffect.StartDial dial:
                        var connection = ++_connections;
                        _pending.Add(() => Send(node, dial.Dial, connection));
                        break;
                    case BondEffect.AbortDial abort:
                        Close(_dialled.GetValueOrDefault((node, abort.Dial)));
                        break;
                    case BondEffect.CloseBond close:
                        Close(close.Bond);
                        break;
                }
            }
        }

        private void Send(int node, long dial, long connection)
        {
            if (!_tables[node].OnStartSent(Other(node), dial))
                return;
            _dialled[(node, dial)] = connection;
            _pending.Add(() => Arrive(node, dial, connection));
        }

        private void Arrive(int from, long dial, long connection)
        {
            var to = 1 - from;
            if (_closed.Contains(connection))
                return;
            if (to == _foreign)
            {
                ArriveAtForeign(from, dial, connection);
                return;
            }

            var verdict = _tables[to].CheckInbound(Other(to), null, hasMissedHeartbeat: false);
            if (verdict != InboundVerdict.Accept)
            {
                _closed.Add(connection);
                if (from != _foreign)
                    _pending.Add(() => Change(from, t => t.OnDialFailed(Other(from), dial, false, _now)));
                return;
            }

            Change(to, t => t.AcceptInbound(Other(to), connection, null, _now));
            _bonds[to] = connection;
            _pending.Add(() => Complete(from, dial, connection));
        }

        private void Complete(int node, long dial, long connection)
        {
            if (_closed.Contains(connection))
                return;
            if (node == _foreign)
            {
                if (_bonds[node] is null)
                    _bonds[node] = connection;
                else
                    Close(connection);
                return;
            }

            if (_tables[node].OnDialCompleted(Other(node), dial, connection, null, _now))
                _bonds[node] = connection;
            else
                Close(connection);
        }

        private void SendForeign(long connection)
        {
            if (_bonds[_foreign] is null)
                _pending.Add(() => Arrive(_foreign, 0, connection));
        }

        private void ArriveAtForeign(int from, long dial, long connection)
        {
            if (_bonds[_foreign] is not null)
            {
                _closed.Add(connection);
                _pending.Add(() => Change(from, t => t.OnDialFailed(Other(from), dial, false, _now)));
                return;
            }

            _bonds[_foreign] = connection;
            _pending.Add(() => Complete(from, dial, connection));
        }

        private void Close(long connection)
        {
            if (connection == 0 || !_closed.Add(connection))
                return;
            for (var i = 0; i < 2; i++)
            {
                var node = i;
                if (_bonds[node] == connection)
                    _bonds[node] = null;
                if (node != _foreign)
                    _pending.Add(() => Change(node, t => t.OnBondLost(Other(node), connection, _now)));
            }
        }
    }
}
