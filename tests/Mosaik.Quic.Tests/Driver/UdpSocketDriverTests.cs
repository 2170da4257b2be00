using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Mosaik.Quic.Driver;

namespace Mosaik.Quic.Tests.Driver;

public sealed class UdpSocketDriverTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static TheoryData<bool> BothKinds => [false, true];

    [Theory]
    [MemberData(nameof(BothKinds))]
    public void Datagrams_arrive_whole_with_their_sender(bool portable)
    {
        using var a = Open(IPAddress.Loopback, portable);
        using var b = Open(IPAddress.Loopback, portable);
        var received = new Collector();
        b.Start(received);
        for (var i = 1; i <= 3; i++)
            Send(a, b, Bytes(100 * i), 1200);
        received.WaitFor(3);
        Assert.Equal([100, 200, 300], received.Datagrams.Select(static d => d.Bytes.Length));
        Assert.All(received.Datagrams, d => Assert.Equal(a.LocalEndPoint, d.Remote));
        Assert.All(received.Datagrams, d => Assert.Equal(Bytes(d.Bytes.Length), d.Bytes));
        Assert.True(received.Drains > 0);
    }

    [Theory]
    [MemberData(nameof(BothKinds))]
    public void A_batch_arrives_as_its_datagrams(bool portable)
    {
        using var a = Open(IPAddress.Loopback, portable);
        using var b = Open(IPAddress.Loopback, portable);
        var received = new Collector();
        b.Start(received);
        Send(a, b, Bytes((20 * 1200) + 77), 1200);
        received.WaitFor(21);
        Assert.Equal(Enumerable.Repeat(1200, 20).Append(77), received.Datagrams.Select(static d => d.Bytes.Length));
        Assert.Equal(Bytes((20 * 1200) + 77), received.Datagrams.SelectMany(static d => d.Bytes));
    }

    [Theory]
    [MemberData(nameof(BothKinds))]
    public void What_waits_before_the_start_arrives_in_order(bool portable)
    {
        using var a = Open(IPAddress.Loopback, portable);
        using var b = Open(IPAddress.Loopback, portable);
        for (var i = 1; i <= 11; i++)
            Send(a, b, Bytes(10 * i), 1200);
        var received = new Collector();
        b.Start(received);
        received.WaitFor(11);
        Assert.Equal(Enumerable.Range(1, 11).Select(static i => 10 * i), received.Datagrams.Select(static d => d.Bytes.Length));
        Assert.All(received.Datagrams, d => Assert.Equal(Bytes(d.Bytes.Length), d.Bytes));
    }

    [Fact]
    public void A_probe_longer_than_the_segment_size_arrives_whole()
    {
        Assert.SkipUnless(LinuxUdp.IsSupported, "segmentation offload is a Linux option here");
        using var a = Open(IPAddress.Loopback, portable: false);
        using var b = Open(IPAddress.Loopback, portable: false);
        var received = new Collector();
        b.Start(received);
        Send(a, b, Bytes(2400), 1200);
        Send(a, b, Bytes(1452), 1452);
        received.WaitFor(3);
        Assert.Equal([1200, 1200, 1452], received.Datagrams.Select(static d => d.Bytes.Length));
    }

    [Fact]
    public void Ecn_marks_and_the_local_address_are_seen()
    {
        Assert.SkipUnless(LinuxUdp.IsSupported, "control messages are read on Linux only");
        using var a = Open(IPAddress.Loopback, portable: false);
        using var b = Open(IPAddress.Any, portable: false);
        var received = new Collector();
        b.Start(received);
        foreach (var ecn in new[] { Ecn.Ect0, Ecn.Ce, Ecn.NotEct })
        {
            var remote = new IPEndPoint(IPAddress.Loopback, b.LocalEndPoint.Port);
            Assert.Equal(DatagramSendResult.Sent, a.Send(new OutgoingDatagrams(Bytes(10), 10, remote, ecn)));
        }
        received.WaitFor(3);
        Assert.Equal([Ecn.Ect0, Ecn.Ce, Ecn.NotEct], received.Datagrams.Select(static d => d.Ecn));
        Assert.All(received.Datagrams, static d => Assert.Equal(IPAddress.Loopback, d.Local));
    }

    [Theory]
    [MemberData(nameof(BothKinds))]
    public void A_dual_stack_socket_shows_ipv4_peers_as_ipv4(bool portable)
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6, "no IPv6 on this machine");
        using var a = Open(IPAddress.Loopback, portable);
        using var b = Open(IPAddress.IPv6Any, portable, dualStack: true);
        var receivedByA = new Collector();
        var receivedByB = new Collector();
        a.Start(receivedByA);
        b.Start(receivedByB);
        var port = b.LocalEndPoint.Port;
        a.Send(new OutgoingDatagrams(Bytes(10), 10, new IPEndPoint(IPAddress.Loopback, port), Ecn.NotEct));
        receivedByB.WaitFor(1);
        var remote = receivedByB.Datagrams[0].Remote;
        Assert.Equal(a.LocalEndPoint, remote);
        b.Send(new OutgoingDatagrams(Bytes(20), 20, remote, Ecn.NotEct));
        receivedByA.WaitFor(1);
        Assert.Equal(new IPEndPoint(IPAddress.Loopback, port), receivedByA.Datagrams[0].Remote);
    }

    [Theory]
    [MemberData(nameof(BothKinds))]
    public void Empty_datagrams_do_not_end_the_loop(bool portable)
    {
        using var raw = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        using var b = Open(IPAddress.Loopback, portable);
        var received = new Collector();
        b.Start(received);
        for (var i = 0; i < 5; i++)
            raw.SendTo([], b.LocalEndPoint);
        raw.SendTo(Bytes(10), b.LocalEndPoint);
        received.WaitFor(1);
        Assert.Equal(10, Assert.Single(received.Datagrams).Bytes.Length);
    }

    [Theory]
    [MemberData(nameof(BothKinds))]
    public async Task Closing_wakes_a_blocked_receive(bool portable)
    {
        var socket = Open(IPAddress.Loopback, portable);
        var received = new Collector();
        socket.Start(received);
        socket.Dispose();
        if (socket is PortableUdpSocketDriver asynchronous)
            await asynchronous.Completion.WaitAsync(Patience);
        Assert.Null(received.Failure);
        Assert.Empty(received.Datagrams);
    }

    [Fact]
    public void The_thread_waits_while_all_buffers_are_with_the_driver_and_loses_nothing()
    {
        Assert.SkipUnless(LinuxUdp.IsSupported, "the receive thread is the Linux path");
        using var a = Open(IPAddress.Loopback, portable: false);
        using var b = Open(IPAddress.Loopback, portable: false);
        var held = new Holder();
        b.Start(held);
        const int Count = 100;
        // A new size each time keeps the kernel from joining them.
        for (var i = 1; i <= Count; i++)
            Send(a, b, Bytes(i), i);
        held.ReleaseAllUntil(Count, Patience);
        Assert.Equal(Enumerable.Range(1, Count).Sum(), held.Bytes);
    }

    private static UdpSocketDriver Open(IPAddress address, bool portable, bool dualStack = false) =>
        UdpSocketDriver.Open(new IPEndPoint(address, 0), dualStack, NullLogger.Instance, portable);

    private static void Send(UdpSocketDriver from, UdpSocketDriver to, byte[] bytes, int segmentSize) => Assert.Equal(
        DatagramSendResult.Sent,
        from.Send(new OutgoingDatagrams(bytes, Math.Min(segmentSize, bytes.Length), to.LocalEndPoint, Ecn.NotEct)));

    private static byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        for (var i = 0; i < length; i++)
            bytes[i] = (byte)(i ^ (i >> 8));
        return bytes;
    }

    private sealed record Datagram(byte[] Bytes, IPEndPoint Remote, IPAddress? Local, Ecn Ecn);

    private sealed class Collector : IDatagramReceiver
    {
        private readonly List<Datagram> _datagrams = [];

        public int Drains { get; private set; }

        public Exception? Failure { get; private set; }

        public IReadOnlyList<Datagram> Datagrams
        {
            get
            {
                lock (_datagrams)
                    return [.. _datagrams];
            }
        }

        public void OnReceived(ReceivedDatagrams datagrams)
        {
            lock (_datagrams)
            {
                for (var at = 0; at < datagrams.Length; at += datagrams.SegmentSize)
                {
                    var length = Math.Min(datagrams.SegmentSize, datagrams.Length - at);
                    _datagrams.Add(new Datagram(
                        datagrams.Buffer.AsSpan(at, length).ToArray(), datagrams.Remote, datagrams.LocalAddress,
                        datagrams.Ecn));
                }
            }
            datagrams.Release();
        }

        public void OnDrained()
        {
            lock (_datagrams)
            {
                Drains++;
                Monitor.PulseAll(_datagrams);
            }
        }

        public void OnFailed(Exception exception) => Failure = exception;

        public void WaitFor(int count)
        {
            lock (_datagrams)
            {
                while (_datagrams.Count < count || Drains == 0)
                    Assert.True(Monitor.Wait(_datagrams, Patience), $"{_datagrams.Count} of {count} datagrams arrived");
            }
        }
    }

    /// <summary>A driver that is busy: it keeps what it gets.</summary>
    private sealed class Holder : IDatagramReceiver
    {
        private readonly Queue<ReceivedDatagrams> _held = new();
        private int _count;

        public int Bytes { get; private set; }

        public void OnReceived(ReceivedDatagrams datagrams)
        {
            lock (_held)
            {
                _held.Enqueue(datagrams);
                _count++;
                Monitor.PulseAll(_held);
            }
        }

        public void OnDrained()
        {
        }

        public void OnFailed(Exception exception) => Assert.Fail(exception.Message);

        public void ReleaseAllUntil(int count, TimeSpan patience)
        {
            lock (_held)
            {
                while (true)
                {
                    Assert.True(_held.Count <= 16, "more buffers than the pool has");
                    while (_held.TryDequeue(out var datagrams))
                    {
                        Bytes += datagrams.Length;
                        datagrams.Release();
                    }
                    if (_count >= count)
                        return;
                    Assert.True(Monitor.Wait(_held, patience), $"{_count} of {count} arrived");
                }
            }
        }
    }
}
