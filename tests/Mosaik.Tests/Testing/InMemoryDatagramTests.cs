using System.Net;
using System.Net.Sockets;
using Mosaik.Quic;
using Mosaik.Testing;

namespace Mosaik.Tests.Testing;

/// <summary>UDP in memory: faults happen as often as asked for (spec/reliability.md §3.3, §4.1).</summary>
public sealed class InMemoryDatagramTests : IDisposable
{
    private readonly SimulationScheduler _world = new();
    private readonly InMemoryDatagramNetwork _net;
    private readonly InMemoryHost _a;
    private readonly InMemoryHost _b;
    private readonly IDatagramSocket _from;
    private readonly IDatagramSocket _to;
    private readonly Inbox _inbox;

    public InMemoryDatagramTests()
    {
        _net = new InMemoryDatagramNetwork(_world.TimeProvider, new SimulationRandom(4).Stream("net"));
        (_a, _b) = (_net.AddHost(), _net.AddHost());
        _from = _a.OpenSocket(new IPEndPoint(IPAddress.Any, 0));
        _to = _b.OpenSocket(new IPEndPoint(IPAddress.IPv6Any, 0));
        _inbox = new Inbox(_world);
        _from.Start(new Inbox(_world));
        _to.Start(_inbox);
    }

    public void Dispose() => _net.Dispose();

    [Fact]
    public void A_batch_arrives_as_single_datagrams_with_sender_and_mark()
    {
        Send([1, 1, 1, 2, 2, 2, 3], segmentSize: 3, Ecn.Ect0);
        Assert.Empty(_inbox.All); // never from inside Send
        _world.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal([[1, 1, 1], [2, 2, 2], [3]], _inbox.All.Select(d => d.Bytes));
        Assert.All(_inbox.All, d => Assert.Equal((_from.LocalEndPoint, Ecn.Ect0), (d.Remote, d.Ecn)));
    }

    [Fact]
    public void Latency_is_within_its_bounds_and_keeps_order()
    {
        _net.Links.Default = new LinkConditions { MinLatency = Ms(5), MaxLatency = Ms(50) };
        SendNumbered(1000);
        Assert.All(_inbox.All, d => Assert.InRange(d.At, Ms(5), Ms(50)));
        Assert.Equal(Enumerable.Range(0, 1000), _inbox.Numbers);
    }

    [Fact]
    public void Loss_duplication_and_reordering_happen_as_often_as_asked_for()
    {
        _net.Links.Default = new LinkConditions { Loss = 0.3 };
        SendNumbered(10_000);
        Assert.InRange(_inbox.All.Count, 6_700, 7_300);
        _inbox.All.Clear();
        _net.Links.Default = new LinkConditions { Duplication = 0.1 };
        SendNumbered(10_000);
        Assert.InRange(_inbox.All.Count, 10_850, 11_150);
        _inbox.All.Clear();
        _net.Links.Default = new LinkConditions { MinLatency = Ms(10), MaxLatency = Ms(10), Reordering = 0.1 };
        for (var i = 0; i < 1000; i++)
        {
            SendOne(i);
            _world.RunFor(Ms(1));
        }

        _world.RunFor(TimeSpan.FromSeconds(1));
        var overtaken = _inbox.Numbers.Zip(_inbox.Numbers.Skip(1)).Count(p => p.First > p.Second);
        Assert.InRange(overtaken, 50, 150);
        Assert.Equal(1000, _inbox.All.Count);
    }

    [Fact]
    public void One_bit_is_flipped_and_marks_are_set()
    {
        _net.Links.Default = new LinkConditions { Corruption = 1, EcnMarking = 1 };
        Send(new byte[100], 100, Ecn.Ect0);
        Send(new byte[100], 100, Ecn.NotEct);
        _world.RunFor(TimeSpan.FromSeconds(1));
        Assert.All(_inbox.All, d => Assert.Equal(1, d.Bytes.Sum(b => System.Numerics.BitOperations.PopCount(b))));
        Assert.Equal([Ecn.Ce, Ecn.NotEct], _inbox.All.Select(d => d.Ecn));
    }

    [Fact]
    public void Bandwidth_spaces_datagrams_and_a_full_queue_loses_them()
    {
        _net.Links.Default = new LinkConditions { Bandwidth = 100_000, MaxDatagramSize = 1000 };
        for (var i = 0; i < 200; i++)
            Send(new byte[1000], 1000);
        _world.RunFor(TimeSpan.FromSeconds(10));
        Assert.Equal(64, _inbox.All.Count);
        Assert.Equal(0.641, _inbox.All[^1].At.TotalSeconds, 0.0001);
        Assert.Equal(136, _net.Lost);
    }

    [Fact]
    public void Large_datagrams_vanish()
    {
        _net.Links.Set(_a.Address, _b.Address, new LinkConditions { MaxDatagramSize = 1200 });
        Send(new byte[1201], 1201);
        Send(new byte[1200], 1200);
        _world.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(1200, Assert.Single(_inbox.All).Bytes.Length);
    }

    [Fact]
    public void A_cut_takes_what_is_in_the_air_and_is_one_way_if_asked_for()
    {
        SendOne(1);
        _net.Links.Block(_a.Address, _b.Address);
        SendOne(2);
        _world.RunFor(TimeSpan.FromSeconds(1));
        Assert.Empty(_inbox.All);
        Assert.False(_net.Links.IsBlocked(_b.Address, _a.Address));
        _net.Links.Unblock(_a.Address, _b.Address);
        SendOne(3);
        _world.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal([3], _inbox.Numbers);
        _net.Links.Partition([_a.Address], [_b.Address]);
        Assert.True(_net.Links.IsBlocked(_b.Address, _a.Address));
        _net.Links.Heal();
        Assert.False(_net.Links.IsBlocked(_a.Address, _b.Address));
    }

    [Fact]
    public void A_crashed_host_hears_and_says_nothing()
    {
        SendOne(1);
        _b.Crash();
        _world.RunFor(TimeSpan.FromSeconds(1));
        Assert.Empty(_inbox.All);
        _a.Crash();
        Assert.Equal(DatagramSendResult.Unreachable, SendOne(2));
    }

    [Fact]
    public void A_rebound_host_appears_under_another_port()
    {
        var old = _from.LocalEndPoint;
        _a.Rebind();
        SendOne(1);
        _world.RunFor(TimeSpan.FromSeconds(1));
        Assert.NotEqual(old, Assert.Single(_inbox.All).Remote);
        Assert.Equal(_from.LocalEndPoint, _inbox.All[0].Remote);
    }

    [Fact]
    public void Ports_and_addresses_are_checked()
    {
        Assert.Throws<SocketException>(() => _a.OpenSocket(_from.LocalEndPoint));
        Assert.Throws<SocketException>(() => _a.OpenSocket(new IPEndPoint(_b.Address, 0)));
        var port = _from.LocalEndPoint.Port;
        _from.Dispose();
        _a.OpenSocket(new IPEndPoint(_a.Address, port)).Dispose();
    }

    private static TimeSpan Ms(double ms) => TimeSpan.FromMilliseconds(ms);

    private DatagramSendResult Send(byte[] payload, int segmentSize, Ecn ecn = Ecn.NotEct) =>
        _from.Send(new OutgoingDatagrams(payload, segmentSize, _to.LocalEndPoint, ecn));

    private DatagramSendResult SendOne(int number) => Send(BitConverter.GetBytes(number), 4);

    private void SendNumbered(int count)
    {
        for (var i = 0; i < count; i++)
            SendOne(i);
        _world.RunFor(TimeSpan.FromSeconds(10));
    }

    private sealed class Inbox(SimulationScheduler world) : IDatagramReceiver
    {
        public List<(byte[] Bytes, IPEndPoint Remote, Ecn Ecn, TimeSpan At)> All { get; } = [];

        public IEnumerable<int> Numbers => All.Select(d => BitConverter.ToInt32(d.Bytes));

        public void OnReceived(ReceivedDatagrams datagrams) => All.Add(
            (datagrams.Buffer.AsSpan(0, datagrams.Length).ToArray(), datagrams.Remote, datagrams.Ecn, world.Now));

        public void OnDrained()
        {
        }

        public void OnFailed(Exception exception) => Assert.Fail(exception.ToString());
    }
}
