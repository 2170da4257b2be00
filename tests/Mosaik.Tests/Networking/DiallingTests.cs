using System.Net;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;

namespace Mosaik.Tests.Networking;

/// <summary>How often and in which order addresses are dialled (spec/reliability.md §12.1; spec/quic.md §8.1).</summary>
public sealed class DiallingTests
{
    private static readonly PeerId Alice = SecretKey.FromText("alice").PeerId;

    [Fact]
    public void A_peer_is_dialled_thirty_times_a_minute_without_success()
    {
        var budget = new DialBudget();
        for (var i = 0; i < 30; i++)
            Assert.NotNull(budget.Reserve(Alice, At(i)));
        Assert.Null(budget.Reserve(Alice, At(59.9)));
        Assert.NotNull(budget.Reserve(Alice, At(60))); // the first one is a minute ago
        Assert.Null(budget.Reserve(Alice, At(60.5)));
        budget.OnSuccess(Alice);
        Assert.NotNull(budget.Reserve(Alice, At(60.6)));
    }

    [Fact]
    public void A_node_dials_two_hundred_at_once_and_then_fifty_per_second()
    {
        var budget = new DialBudget();
        var waits = Enumerable.Range(0, 300).Select(i => budget.Reserve(Peer(i), At(0))!.Value).ToArray();
        Assert.All(waits.Take(200), w => Assert.Equal(TimeSpan.Zero, w));
        Assert.Equal(0.02, waits[200].TotalSeconds, 0.001);
        Assert.Equal(2, waits[299].TotalSeconds, 0.001);
        Assert.Equal(TimeSpan.Zero, budget.Reserve(Peer(1000), At(2.1))); // the debt is paid
    }

    [Fact]
    public void Forgets_peers_that_were_not_dialled_for_a_minute()
    {
        var budget = new DialBudget();
        for (var i = 0; i < 100_000; i++)
            Assert.NotNull(budget.Reserve(Peer(i), At(i)));
    }

    [Fact]
    public void Shared_private_networks_first_then_public_v6_public_v4_other_private()
    {
        var order = DialOrder.Sort(
            Parse("203.0.113.5:1", "10.9.9.9:1", "[2001:db8::1]:1", "192.168.7.9:1", "[fd00::1]:1", "127.0.0.1:1"),
            [(IPAddress.Parse("192.168.7.2"), 24), (IPAddress.Parse("fd00::2"), 64), (IPAddress.Parse("8.8.8.8"), 24)],
            hasIpv4: true,
            hasIpv6: true);
        Assert.Equal(
            Parse("192.168.7.9:1", "[fd00::1]:1", "127.0.0.1:1", "[2001:db8::1]:1", "203.0.113.5:1", "10.9.9.9:1"), order);
    }

    [Fact]
    public void Families_without_a_socket_are_left_out_and_mapped_addresses_are_v4()
    {
        var candidates = Parse("[::ffff:203.0.113.5]:1", "203.0.113.5:1", "[2001:db8::1]:1");
        Assert.Equal(Parse("203.0.113.5:1"), DialOrder.Sort(candidates, [], hasIpv4: true, hasIpv6: false));
        Assert.Equal(Parse("[2001:db8::1]:1"), DialOrder.Sort(candidates, [], hasIpv4: false, hasIpv6: true));
    }

    [Theory]
    [InlineData("10.1.2.3", true), InlineData("172.15.0.1", false), InlineData("172.16.0.1", true)]
    [InlineData("172.31.255.255", true), InlineData("172.32.0.1", false), InlineData("192.168.0.1", true)]
    [InlineData("192.169.0.1", false), InlineData("169.254.1.1", true), InlineData("100.64.0.1", true)]
    [InlineData("100.128.0.1", false), InlineData("127.0.0.1", true), InlineData("::1", true)]
    [InlineData("fe80::1", true), InlineData("fc00::1", true), InlineData("2001:db8::1", false), InlineData("8.8.8.8", false)]
    public void Knows_what_is_private(string address, bool expected) =>
        Assert.Equal(expected, DialOrder.IsPrivate(IPAddress.Parse(address)));

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);

    private static IPEndPoint[] Parse(params string[] texts) => [.. texts.Select(IPEndPoint.Parse)];

    private static PeerId Peer(int n)
    {
        Span<byte> raw = stackalloc byte[32];
        BitConverter.TryWriteBytes(raw, n);
        return PeerId.FromRawUnchecked(raw);
    }
}
