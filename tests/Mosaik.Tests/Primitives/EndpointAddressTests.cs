using System.Net;
using System.Text.Json;
using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Tests.Primitives;

public sealed class EndpointAddressTests
{
    private static readonly PeerId Id = SecretKey.FromSeed(new byte[32]).PeerId;

    private static TransportAddress.Ip Ip(string text) => new TransportAddress.Ip(IPEndPoint.Parse(text));

    [Fact]
    public void Addresses_that_differ_only_in_scope_are_written_once()
    {
        var address = new EndpointAddress(
            Id,
            new TransportAddress.Ip(new IPAddress(IPAddress.Parse("fec0::1").GetAddressBytes(), 3), 9),
            new TransportAddress.Ip(new IPAddress(IPAddress.Parse("fec0::1").GetAddressBytes(), 2), 9),
            Ip("[fec0::1]:10"));
        Assert.Equal(3, address.Addresses.Length);
        Assert.True(EndpointAddress.TryDecode(address.Encode(), out EndpointAddress? decoded));
        Assert.Equal([Ip("[fec0::1]:9"), Ip("[fec0::1]:10")], decoded.Addresses);
    }

    [Fact]
    public void Published_addresses_follow_the_emission_rules()
    {
        TransportAddress[] candidates =
        [
            new TransportAddress.Custom(7, false, "x"u8, 1),
            new TransportAddress.Relay("https://Upper.example/"), new TransportAddress.Relay("https://home.example/"),
            new TransportAddress.Relay("https://second.example/"),
            Ip("[fe80::1]:1"), Ip("0.0.0.0:1"), Ip("[::]:1"), Ip("8.8.8.8:0"), Ip("127.0.0.1:1"), Ip("[::1]:1"),
            Ip("[::ffff:8.8.8.8]:53"), Ip("8.8.8.8:53"), Ip("192.168.1.2:1"),
        ];
        EndpointAddress published = EndpointAddress.Publishable(Id, candidates, keepLoopback: false);
        Assert.Equal(
            [new TransportAddress.Relay("https://home.example/"), Ip("8.8.8.8:53"), Ip("192.168.1.2:1")], published.Addresses);
    }

    [Fact]
    public void Loopback_is_published_when_bound_to_it_or_when_nothing_else_is_there()
    {
        Assert.Equal([Ip("127.0.0.1:1")], EndpointAddress.Publishable(Id, [Ip("127.0.0.1:1")], false).Addresses);
        Assert.Equal(2, EndpointAddress.Publishable(Id, [Ip("127.0.0.1:1"), Ip("10.0.0.1:1")], true).Addresses.Length);
        Assert.Equal([Ip("10.0.0.1:1")], EndpointAddress.Publishable(Id, [Ip("127.0.0.1:1"), Ip("10.0.0.1:1")], false).Addresses);
    }

    [Fact]
    public void At_most_sixteen_addresses_are_published_public_ones_first()
    {
        IEnumerable<TransportAddress> candidates = Enumerable.Range(1, 15).Select(i => Ip($"10.0.0.{i}:1"))
            .Concat(Enumerable.Range(1, 5).Select(i => Ip($"9.9.9.{i}:1")));
        EndpointAddress published = EndpointAddress.Publishable(Id, candidates, false);
        Assert.Equal(16, published.Addresses.Length);
        Assert.Equal(5, published.EndPoints.Count(e => e.Address.ToString().StartsWith("9.", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("172.15.0.1", false), InlineData("172.16.0.1", true), InlineData("172.31.0.1", true)]
    [InlineData("172.32.0.1", false), InlineData("100.63.0.1", false), InlineData("100.64.0.1", true)]
    [InlineData("169.254.0.1", true), InlineData("fd00::1", true), InlineData("2001:db8::1", false)]
    public void Private_addresses_come_after_public_ones(string address, bool isPrivate)
    {
        // 16 public candidates leave no room for a private one; among 16 others a public one stays.
        IEnumerable<TransportAddress> others = Enumerable.Range(1, 16).Select(i => Ip($"{(isPrivate ? "9.9.9" : "10.0.0")}.{i}:1"));
        var own = new TransportAddress.Ip(IPAddress.Parse(address), 1);
        EndpointAddress published = EndpointAddress.Publishable(Id, others.Append(own), false);
        Assert.Equal(!isPrivate, published.Addresses.Contains(own));
    }

    [Fact]
    public void Json_has_the_form_of_the_specification()
    {
        var address = new EndpointAddress(
            Id, Ip("1.2.3.4:5"), new TransportAddress.Relay("https://relay.example.org/"), new TransportAddress.Custom(7, false, new byte[40], 40));
        string json = JsonSerializer.Serialize(address);
        Assert.Equal(
            $$$"""{"id":"{{{Id}}}","addrs":[{"Relay":"https://relay.example.org/"},{"Ip":"1.2.3.4:5"},{"Custom":{"id":7,"data":"{{{new string('0', 80)}}}"}}]}""",
            json);
        Assert.Equal(address, JsonSerializer.Deserialize<EndpointAddress>(json));
    }

    [Theory]
    [InlineData("""{"addrs":[]}"""), InlineData("""{"id":5}"""), InlineData("""[]""")]
    [InlineData("""{"id":"00","addrs":[]}""")]
    [InlineData("""{"id":"3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29","addrs":[{"Ip":"x"}]}""")]
    [InlineData("""{"id":"3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29","addrs":[{"Custom":{"id":1,"data":"0"}}]}""")]
    [InlineData("""{"id":"3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29","addrs":{}}""")]
    public void Malformed_json_is_refused(string json) =>
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<EndpointAddress>(json));

    [Theory]
    [InlineData("")]
    [InlineData("01001f")] // inline custom address that claims 31 bytes
    [InlineData("0103")] // unknown variant
    [InlineData("010102")] // unknown address family
    [InlineData("0100ffffffff0f")] // relay of 4 GiB
    [InlineData("ffffffff0f")] // 4 G addresses
    [InlineData("01000161")] // relay that is no URL
    [InlineData("010002c328")] // relay that is no UTF-8
    [InlineData("01010001020304")] // no port
    [InlineData("0101000102030480800408")] // port above 16 bits
    public void Malformed_sets_are_refused(string set) =>
        Assert.False(EndpointAddress.TryDecode([.. Id.ToByteArray(), .. Convert.FromHexString(set)], out _));

    [Fact]
    public void Mutated_input_never_throws_and_what_decodes_survives_a_round_trip()
    {
        var address = new EndpointAddress(
            Id, new TransportAddress.Relay("https://relay.example.com./"), Ip("127.0.0.1:4433"), Ip("[2001:db8::1]:4433"),
            new TransportAddress.Custom(7, true, new byte[30], 3), new TransportAddress.Custom(300, false, new byte[40], 40));
        byte[] image = address.Encode();
        int accepted = 0;
        foreach (byte[] mutated in Mutator.Mutate(image, 120_000, seed: 7, from: PeerId.Length))
        {
            if (!EndpointAddress.TryDecode(mutated, out EndpointAddress? decoded))
                continue;
            accepted++;
            Assert.True(EndpointAddress.TryDecode(decoded.Encode(), out EndpointAddress? again));
            Assert.Equal(decoded, again);
            // What a canonical reader accepts is exactly what would be written.
            var reader = new PostcardReader(mutated.AsSpan(PeerId.Length), PostcardForm.Canonical);
            if (EndpointAddress.TryWalk(ref reader, null))
                Assert.True(mutated.AsSpan(0, PeerId.Length + reader.Position).SequenceEqual(decoded.Encode()));
        }
        Assert.InRange(accepted, 1000, 119_999);
    }
}
