using System.Collections.Immutable;
using System.Text.Json;
using Mosaik.Discovery;
using Mosaik.Primitives;

namespace Mosaik.Tests.Discovery;

/// <summary>Entries for tests: those of the vector file by name, and simple ones of made-up peers.</summary>
internal static class TestEntries
{
    public static readonly NetworkId Network = "my-app";

    private static readonly VectorFile File = VectorFile.Load("discovery.json");

    public static SecretKey Key(int peer) => SecretKey.FromText($"peer {peer}");

    /// <summary>A signed entry of a made-up peer.</summary>
    public static SignedPeerEntry Make(
        int peer, long start, long update, NetworkId? network = null, Tag[]? tags = null, StreamId[]? streams = null) =>
        MakeUnsigned(peer, start, update, network, tags, streams).Sign(Key(peer));

    public static PeerEntry MakeUnsigned(
        int peer, long start, long update, NetworkId? network = null, Tag[]? tags = null, StreamId[]? streams = null)
    {
        var version = new PeerVersion(start, update);
        return PeerEntry.Create(network ?? Network, Key(peer).PeerId, version)
            .AddTags(default, tags ?? [])
            .AddStreams(default, streams ?? [])
            .WithVersion(version);
    }

    /// <summary>An entry named in the vector file, such as <c>E0</c>.</summary>
    public static PeerEntry OfVector(string name) => FromInputs(File[$"entry/{name}"].Inputs);

    public static SecretKey KeyOfVector(string name) =>
        SecretKey.FromSeed(File[$"entry/{name}"].Bytes("seed"));

    public static SignedPeerEntry SignedOfVector(string name) => OfVector(name).Sign(KeyOfVector(name));

    /// <summary>An entry described by the inputs of a vector.</summary>
    public static PeerEntry FromInputs(JsonElement inputs)
    {
        Assert.Equal(PeerEntry.OwnProtocolVersion, inputs.GetProperty("protocol").GetString());
        SecretKey key = SecretKey.FromSeed(Convert.FromHexString(inputs.GetProperty("seed").GetString()!));
        var address = new EndpointAddress(key.PeerId, Texts(inputs, "addrs").Select(TransportAddress.Parse));
        var version = new PeerVersion(Vector.Int64(inputs.GetProperty("start")), Vector.Int64(inputs.GetProperty("update")));
        PeerEntry entry = PeerEntry.Create(inputs.GetProperty("network").GetString()!, address, version)
            .AddTags(default, [.. Texts(inputs, "tags").Select(t => (Tag)t)])
            .AddStreams(default, [.. Texts(inputs, "streams").Select(t => (StreamId)t)])
            .AddGroups(default, [.. Texts(inputs, "groups").Select(t => (GroupId)t)]);
        foreach (Ticket ticket in Tickets(inputs))
            entry = entry.AddTicket(default, ticket);
        return entry.WithVersion(version);
    }

    public static IEnumerable<Ticket> Tickets(JsonElement inputs) => inputs.GetProperty("tickets").EnumerateArray()
        .Select(t => new Ticket(t.GetProperty("class").GetString()!, Convert.FromHexString(t.GetProperty("data").GetString()!)));

    public static ImmutableSortedDictionary<UniqueId, Ticket> TicketMap(JsonElement inputs) =>
        Tickets(inputs).ToImmutableSortedDictionary(t => t.Id, t => t);

    private static IEnumerable<string> Texts(JsonElement inputs, string property) =>
        inputs.GetProperty(property).EnumerateArray().Select(t => t.GetString()!);
}
