using System.Security.Cryptography;
using System.Text.Json;
using Mosaik.Discovery.Gossip;
using Mosaik.Discovery.Gossip.Protocol;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Tests.Discovery.Gossip;

/// <summary>spec/gossip.md §3, §4, §16.1 and §17: every vector in both directions, and hostile bytes.</summary>
public sealed class GossipCodecTests
{
    private const int Limit = 4096;

    [Fact]
    public void Every_message_vector_decodes_and_encodes()
    {
        int seen = 0;
        foreach (JsonElement vector in GossipVectors.Each("messages"))
        {
            byte[] frame = vector.Hex("frame");
            GossipMessage expected = Message(vector.Text("type"), vector.GetProperty("fields"));
            Assert.Equal(Convert.ToHexStringLower(frame), Convert.ToHexStringLower(GossipCodec.Encode(expected)));
            Assert.Equal(vector.GetProperty("payload_len").GetInt32(), frame.Length - GossipCodec.PrefixLength);
            Assert.True(GossipCodec.TryDecode(frame.AsSpan(GossipCodec.PrefixLength), out GossipMessage? decoded), vector.Text("name"));
            Assert.Equal(expected.Kind, decoded.Kind);
            Assert.Equal(frame, GossipCodec.Encode(decoded));
            seen++;
        }

        Assert.Equal(22, seen);
    }

    [Fact]
    public void Ids_and_the_header_match_the_vectors()
    {
        foreach (JsonElement vector in GossipVectors.Each("message_ids"))
            Assert.Equal(Id(vector.Text("id")), MessageId.Of(vector.Hex("content")));
        JsonElement topic = GossipVectors.Root.GetProperty("topic");
        TopicId id = TopicId.Of(topic.Text("text"));
        byte[] frame = topic.Hex("header_frame");
        Assert.Equal(frame, GossipCodec.EncodeHeader(id));
        Assert.True(GossipCodec.TryDecodeHeader(frame.AsSpan(4), out TopicId decoded));
        Assert.Equal(id, decoded);
        Assert.True(GossipCodec.TryDecodeHeader([.. frame[4..], 1, 2, 3], out decoded));
        Assert.Equal(id, decoded);
        Assert.False(GossipCodec.TryDecodeHeader(frame.AsSpan(4, 31), out _));
    }

    [Fact]
    public void Names_and_defaults_match_the_vectors()
    {
        JsonElement alpn = GossipVectors.Root.GetProperty("alpn");
        Assert.Equal([alpn.Text("mosaik"), alpn.Text("accepted_alias")], WireProtocol.Announce.AcceptedAlpn);
        var o = new GossipOptions();
        (string Group, string Name, double Value)[] expected =
        [
            ("hyparview", "active_view_capacity", o.ActiveViewCapacity),
            ("hyparview", "passive_view_capacity", o.PassiveViewCapacity),
            ("hyparview", "active_random_walk_length", o.ActiveRandomWalkLength),
            ("hyparview", "passive_random_walk_length", o.PassiveRandomWalkLength),
            ("hyparview", "shuffle_random_walk_length", o.ShuffleRandomWalkLength),
            ("hyparview", "shuffle_active_count", o.ShuffleActiveCount),
            ("hyparview", "shuffle_passive_count", o.ShufflePassiveCount),
            ("hyparview", "shuffle_interval_ms", o.ShuffleInterval.TotalMilliseconds),
            ("hyparview", "neighbor_request_timeout_ms", o.NeighborRequestTimeout.TotalMilliseconds),
            ("plumtree", "graft_timeout_1_ms", o.GraftTimeout1.TotalMilliseconds),
            ("plumtree", "graft_timeout_2_ms", o.GraftTimeout2.TotalMilliseconds),
            ("plumtree", "dispatch_timeout_ms", o.DispatchTimeout.TotalMilliseconds),
            ("plumtree", "optimization_threshold", o.OptimizationThreshold),
            ("plumtree", "message_cache_retention_ms", o.MessageCacheRetention.TotalMilliseconds),
            ("plumtree", "message_id_retention_ms", o.MessageIdRetention.TotalMilliseconds),
            ("plumtree", "cache_sweep_interval_ms", o.CacheSweepInterval.TotalMilliseconds),
            ("topic", "max_message_size", o.MaxMessageSize),
            ("topic", "min_max_message_size", GossipOptions.MinMaxMessageSize),
        ];
        JsonElement defaults = GossipVectors.Root.GetProperty("defaults");
        Assert.Equal(expected.Length, defaults.EnumerateObject().Sum(g => g.Value.EnumerateObject().Count()));
        foreach ((string group, string name, double value) in expected)
            Assert.Equal(defaults.GetProperty(group).GetProperty(name).GetDouble(), value);
    }

    [Fact]
    public void Peer_data_match_the_vectors()
    {
        foreach (JsonElement vector in GossipVectors.Each("addr_info"))
        {
            List<TransportAddress> addresses = [.. vector.GetProperty("direct").EnumerateArray().Select(e => TransportAddress.Parse(e.GetString()!))];
            if (vector.GetProperty("relay").GetString() is { } relay)
                addresses.Insert(0, new TransportAddress.Relay(relay));
            PeerData data = PeerDataCodec.Encode(new EndpointAddress(Peers.Of('A'), addresses));
            Assert.Equal(vector.Text("hex"), data.ToString());
            Assert.True(PeerDataCodec.TryDecode(data, out IReadOnlyList<TransportAddress>? decoded));
            Assert.Equal(addresses, decoded);
        }

        Assert.True(PeerDataCodec.TryDecode(new PeerData([]), out IReadOnlyList<TransportAddress>? nothing));
        Assert.Empty(nothing);
        Assert.False(PeerDataCodec.TryDecode(new PeerData([0, 1, 0, 1]), out _));
    }

    [Fact]
    public void Sizes_at_the_limit()
    {
        JsonElement limits = GossipVectors.Root.GetProperty("size_limits");
        Assert.Equal(limits.GetProperty("max_ihave_per_frame").GetInt32(), IHaveMessage.MaxItems(Limit));
        foreach (string name in (string[])["largest_content", "one_more", "two_more"])
        {
            JsonElement vector = limits.GetProperty(name);
            byte[] content = new byte[vector.GetProperty("content_len").GetInt32()];
            var message = new BroadcastMessage(MessageId.Of(content), content, GossipScope.Swarm);
            Assert.Equal(Id(vector.Text("id")), message.Id);
            byte[] frame = GossipCodec.Encode(message);
            Assert.Equal(vector.Text("frame_sha256"), Convert.ToHexStringLower(SHA256.HashData(frame)));
            int length = frame.Length - GossipCodec.PrefixLength;
            Assert.Equal(vector.GetProperty("payload_len").GetInt32(), length);
            Assert.Equal(vector.GetProperty("may_be_sent").GetBoolean(), GossipCodec.MaySend(length, Limit));
            Assert.Equal(vector.GetProperty("must_be_accepted").GetBoolean(), Read(frame) == FrameStatus.Complete);
            Assert.Equal(vector.GetProperty("may_be_sent").GetBoolean(), content.Length <= GossipCodec.MaxContent(GossipScope.Swarm, Limit));
        }

        Assert.Equal(4057, GossipCodec.MaxContent(GossipScope.Swarm, Limit));
        Assert.Equal(4058, GossipCodec.MaxContent(GossipScope.Neighbours, Limit));
    }

    [Theory]
    [InlineData(512), InlineData(520), InlineData(4096), InlineData(16_500), InlineData(100_000)]
    public void The_largest_content_fills_the_largest_frame(int maxMessageSize)
    {
        foreach (GossipScope scope in (GossipScope[])[GossipScope.Swarm, GossipScope.Neighbours])
        {
            int largest = GossipCodec.MaxContent(scope, maxMessageSize);
            Assert.True(GossipCodec.MaySend(PayloadLength(largest, scope), maxMessageSize));
            Assert.False(GossipCodec.MaySend(PayloadLength(largest + 1, scope), maxMessageSize));
        }
    }

    [Fact]
    public void What_must_be_rejected_is()
    {
        foreach (JsonElement vector in GossipVectors.Each("must_reject"))
        {
            byte[] bytes = vector.Hex("bytes");
            FrameStatus status = Read(bytes);
            bool rejected = status == FrameStatus.TooLarge
                || status == FrameStatus.Incomplete
                || !GossipCodec.TryDecode(bytes.AsSpan(GossipCodec.PrefixLength), out _);
            Assert.True(rejected, vector.Text("name"));
            Assert.Equal(vector.Text("name") == "eof-in-payload", status == FrameStatus.Incomplete);
        }
    }

    [Fact]
    public void What_must_be_accepted_is()
    {
        foreach (JsonElement vector in GossipVectors.Each("must_accept"))
        {
            byte[] bytes = vector.Hex("bytes");
            if (bytes.Length < GossipCodec.PrefixLength)
                continue; // a clean end of the stream: the driver's tests have it
            Assert.True(GossipCodec.TryDecode(bytes.AsSpan(GossipCodec.PrefixLength), out GossipMessage? message), vector.Text("name"));
            string expected = vector.Text("name") switch
            {
                "trailing-bytes" => "010100",
                "disconnect-obsolete-true" => "00050100",
                "overlong-varint" => "01020002",
                _ => Convert.ToHexStringLower(bytes[4..]),
            };
            Assert.StartsWith(Convert.ToHexStringLower(GossipCodec.Encode(message)[4..]), expected, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Any_message_survives_encoding_and_decoding()
    {
        RandomSource random = new SeededRandom(5);
        for (int i = 0; i < 20_000; i++)
        {
            GossipMessage message = RandomMessages.Next(random);
            byte[] frame = GossipCodec.Encode(message);
            Assert.True(GossipCodec.TryDecode(frame.AsSpan(GossipCodec.PrefixLength), out GossipMessage? decoded));
            Assert.Equal(message.Kind, decoded.Kind);
            Assert.Equal(frame, GossipCodec.Encode(decoded));
        }
    }

    [Fact]
    public void A_hundred_thousand_mutated_messages_never_escape_the_decoder()
    {
        byte[][] images = [.. GossipVectors.Each("messages").Select(v => v.Hex("frame")[4..])];
        int accepted = 0, refused = 0;
        for (int i = 0; i < images.Length; i++)
        {
            foreach (byte[] bytes in Mutator.Mutate(images[i], 5_000, seed: (ulong)i))
            {
                if (!GossipCodec.TryDecode(bytes, out GossipMessage? message))
                {
                    refused++;
                    continue;
                }

                accepted++;
                Assert.True(GossipCodec.Encode(message).Length - GossipCodec.PrefixLength <= bytes.Length);
            }
        }

        Assert.True(accepted > 10_000 && refused > 10_000, $"{accepted} accepted, {refused} refused");
    }

    [Fact]
    public void Mutated_peer_data_never_escape_the_decoder()
    {
        byte[][] images = [.. GossipVectors.Each("addr_info").Select(v => v.Hex("hex"))];
        for (int i = 0; i < images.Length; i++)
        {
            foreach (byte[] bytes in Mutator.Mutate(images[i], 20_000, seed: (ulong)i))
            {
                if (PeerDataCodec.TryDecode(new PeerData(bytes), out IReadOnlyList<TransportAddress>? addresses))
                    Assert.True(addresses.Count <= bytes.Length);
            }
        }
    }

    [Fact]
    public void Of_a_long_list_only_the_first_peers_are_taken()
    {
        List<GossipPeerInfo> nodes = [.. Enumerable.Range(0, 40).Select(i => new GossipPeerInfo(Peers.Of(i), null))];
        byte[] frame = GossipCodec.Encode(new ShuffleReplyMessage(nodes));
        Assert.True(GossipCodec.TryDecode(frame.AsSpan(4), out GossipMessage? decoded));
        Assert.Equal(nodes.Take(32), Assert.IsType<ShuffleReplyMessage>(decoded).Nodes);
    }

    private static int PayloadLength(int content, GossipScope scope) =>
        GossipCodec.Encode(new BroadcastMessage(default, new byte[content], scope)).Length - GossipCodec.PrefixLength;

    private static FrameStatus Read(byte[] bytes)
    {
        using var buffer = new FrameBuffer();
        for (int at = 0; at < bytes.Length;)
        {
            Memory<byte> room = buffer.GetMemory();
            int length = Math.Min(room.Length, bytes.Length - at);
            bytes.AsSpan(at, length).CopyTo(room.Span);
            buffer.Advance(length);
            at += length;
        }

        return buffer.TryRead(Limit, out _);
    }

    private static GossipMessage Message(string type, JsonElement fields) => type switch
    {
        "Join" => new JoinMessage(Data(fields)),
        "ForwardJoin" => new ForwardJoinMessage(new GossipPeerInfo(Peer(fields.Text("peer")), Data(fields)), UInt16(fields, "ttl")),
        "Shuffle" => new ShuffleMessage(Peer(fields.Text("origin")), Nodes(fields), UInt16(fields, "ttl")),
        "ShuffleReply" => new ShuffleReplyMessage(Nodes(fields)),
        "Neighbor" => new NeighborMessage(Enum.Parse<NeighborPriority>(fields.Text("priority")), Data(fields)),
        "Disconnect" => new DisconnectMessage(fields.GetProperty("alive").GetBoolean()),
        "Gossip" => new BroadcastMessage(Id(fields.Text("id")), fields.Hex("content"), Scope(fields.GetProperty("scope"))),
        "Prune" => PruneMessage.Instance,
        "Graft" => new GraftMessage(fields.GetProperty("id").GetString() is { } id ? Id(id) : null, UInt16(fields, "round")),
        "IHave" => new IHaveMessage(
            [.. fields.GetProperty("items").EnumerateArray().Select(e => new Announced(Id(e.Text("id")), UInt16(e, "round")))]),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    private static GossipPeerInfo[] Nodes(JsonElement fields) =>
        [.. fields.GetProperty("nodes").EnumerateArray().Select(e => new GossipPeerInfo(Peer(e.Text("id")), Data(e)))];

    private static GossipScope Scope(JsonElement scope) =>
        scope.ValueKind == JsonValueKind.Object ? GossipScope.SwarmAt(UInt16(scope, "swarm")) : GossipScope.Neighbours;

    private static PeerData? Data(JsonElement fields) =>
        fields.GetProperty("data").GetString() is { } hex ? new PeerData(Convert.FromHexString(hex)) : null;

    private static ushort UInt16(JsonElement fields, string name) => fields.GetProperty(name).GetUInt16();

    private static PeerId Peer(string hex) => PeerId.FromRaw(Convert.FromHexString(hex));

    private static MessageId Id(string hex) => new(UniqueId.FromRaw(Convert.FromHexString(hex)));
}
