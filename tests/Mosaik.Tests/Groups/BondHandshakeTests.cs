using Mosaik.Discovery;
using Mosaik.Groups;
using Mosaik.Groups.Bonds;
using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Tests.Groups;

/// <summary>Handshake messages, extension block and proof, against the vectors <c>bond/*</c> and <c>extension/*</c>.</summary>
public sealed class BondHandshakeTests
{
    private static readonly VectorFile Vectors = VectorFile.Load("groups.json");
    private static readonly NetworkId NetworkOf33 = NetworkId.FromRaw(Repeat(0x33));
    private static readonly GroupId GroupOf44 = GroupId.FromRaw(Repeat(0x44));
    private static readonly UniqueId ProofOf55 = UniqueId.FromRaw(Repeat(0x55));
    private static readonly BondExtension Available = new(BondExtension.TrailingTlvs, null, Incarnation.FromRaw(Repeat(0xa1, 16)));

    public static TheoryData<string> Extensions => ["ext-available", "ext-majority-voter", "ext-majority-learner", "ext-strict-voter"];

    [Fact]
    public void The_proof_is_that_of_the_vector()
    {
        var vector = Vectors["bond/proof"];
        var (key, exporter) = (GroupKey.FromSecret(vector.Text("secretText")), UniqueId.FromRaw(vector.Bytes("exporter")));
        var prover = PeerId.FromRawUnchecked(vector.Bytes("prover"));
        var proof = BondProof.Of(key, exporter, prover);
        Assert.Equal(vector.Expected, proof.ToByteArray());
        Assert.True(BondProof.Verify(proof, key, exporter, prover));
        Assert.False(BondProof.Verify(proof, key, exporter, PeerId.FromRawUnchecked(Repeat(0x23))));
        Assert.False(BondProof.Verify(proof, key, UniqueId.FromRaw(Repeat(0x12)), prover));
        Assert.False(BondProof.Verify(proof, GroupKey.FromSecret("other"), exporter, prover));
    }

    [Fact]
    public void Messages_without_payload_are_those_of_the_vectors()
    {
        Assert.Equal(Vectors["bond/ping"].Expected, BondMessage.PingFrame.Payload.ToArray());
        Assert.Equal(Vectors["bond/pong"].Expected, BondMessage.PongFrame.Payload.ToArray());
        Assert.Equal(Vectors["bond/departure"].Expected, BondMessage.DepartureFrame.Payload.ToArray());
    }

    [Theory, MemberData(nameof(Extensions))]
    public void Extensions_are_those_of_the_vectors_in_both_directions(string name)
    {
        var bytes = Vectors[$"extension/{name}"].Expected;
        var reader = new PostcardReader(bytes);
        Assert.True(BondExtension.TryRead(ref reader, out var extension));
        Assert.Equal(Repeat(0xa1, 16), BytesOf(extension!.Incarnation!.Value));
        Assert.Equal(
            name switch
            {
                "ext-available" => null,
                "ext-majority-learner" => GroupRole.Learner,
                _ => (GroupRole?)GroupRole.Voter,
            },
            extension.Role);
        var writer = new PostcardWriter(default);
        extension.Write(ref writer);
        Assert.Equal(bytes, writer.Written.ToArray());
        writer.Dispose();
    }

    [Theory, InlineData("bond/handshake-start", false), InlineData("extension/handshake-start-ext", true)]
    public void Start_is_that_of_the_vector_in_both_directions(string name, bool isExtended)
    {
        var expected = Vectors[name].Expected;
        var extension = isExtended ? Available : null;
        Assert.Equal(expected, BondHandshake.EncodeStart(NetworkOf33, GroupOf44, ProofOf55, [], extension));
        Assert.True(BondHandshake.TryReadStart(expected, out var start));
        Assert.Equal((NetworkOf33, GroupOf44, ProofOf55), (start.Network, start.Group, start.Rest.Proof));
        Assert.Equal(extension, start.Rest.Extension);
        Assert.Empty(start.Rest.Entries);
    }

    [Theory, InlineData("bond/handshake-end", false), InlineData("extension/handshake-end-ext", true)]
    public void End_is_that_of_the_vector_in_both_directions(string name, bool isExtended)
    {
        var expected = Vectors[name].Expected;
        var extension = isExtended ? Available : null;
        Assert.Equal(expected, BondHandshake.EncodeEnd(ProofOf55, [], extension));
        Assert.True(BondHandshake.TryReadEnd(expected, out var end));
        Assert.Equal(ProofOf55, end.Proof);
        Assert.Equal(extension, end.Extension);
    }

    [Fact]
    public void Entries_come_back_as_they_were_sent()
    {
        var entries = new[] { EntryOf("a"), EntryOf("b") };
        Assert.True(BondHandshake.TryReadEnd(BondHandshake.EncodeEnd(ProofOf55, entries, Available), out var end));
        Assert.Equal(entries.Select(e => e.Bytes.ToArray()), end.Entries.Select(e => e.Bytes.ToArray()));
        Assert.Equal(Available, end.Extension);
    }

    [Fact]
    public void A_foreign_tail_is_no_extension()
    {
        byte[] end = BondHandshake.EncodeEnd(ProofOf55, [], null);
        foreach (var tail in new byte[][] { [1, 2, 3, 4, 5, 6], "MNX1"u8.ToArray(), "MNX2aaaa"u8.ToArray() })
        {
            Assert.True(BondHandshake.TryReadEnd((byte[])[.. end, .. tail], out var read));
            Assert.Null(read.Extension);
        }
    }

    [Fact]
    public void A_truncated_block_a_repeated_type_and_a_value_of_the_wrong_form_are_refused()
    {
        byte[] end = BondHandshake.EncodeEnd(ProofOf55, [], null);
        byte[] block = Vectors["extension/ext-majority-voter"].Expected;
        for (var length = 5; length < block.Length; length++)
            Assert.False(BondHandshake.TryReadEnd((byte[])[.. end, .. block[..length]], out _), $"{length} bytes");
        foreach (var tlvs in new byte[][] { [1, 1, 1, 1, 1, 1], [1, 1, 2], [1, 2, 1, 1], [2, 1, 0], [9, 0, 9, 0], [9, 5, 0] })
            Assert.False(BondHandshake.TryReadEnd((byte[])[.. end, .. "MNX1"u8, 1, 1, (byte)tlvs.Length, .. tlvs], out _));
    }

    [Fact]
    public void Unknown_types_capabilities_and_versions_are_skipped()
    {
        byte[] end = BondHandshake.EncodeEnd(ProofOf55, [], null);
        byte[] tlvs = [0x44, 3, 1, 2, 3, 1, 1, 0];
        Assert.True(BondHandshake.TryReadEnd((byte[])[.. end, .. "MNX1"u8, 2, 0x81, 1, (byte)tlvs.Length, .. tlvs, 7, 7], out var read));
        Assert.Equal(new BondExtension(129, GroupRole.Learner, null), read.Extension);
    }

    [Fact]
    public void Cut_at_any_byte_a_message_is_refused_or_shorter()
    {
        var bytes = BondHandshake.EncodeStart(NetworkOf33, GroupOf44, ProofOf55, [EntryOf("a")], Available);
        var plain = bytes.Length - Vectors["extension/ext-available"].Expected.Length;
        for (var length = 0; length < bytes.Length; length++)
        {
            // Up to four bytes of the block are a foreign tail.
            var isReadable = length >= plain && length <= plain + 4;
            Assert.Equal(isReadable, BondHandshake.TryReadStart(bytes.AsMemory(0, length), out _));
        }
    }

    private static SignedPeerEntry EntryOf(string name)
    {
        var key = SecretKey.FromText(name);
        return PeerEntry.Create(NetworkOf33, new EndpointAddress(key.PeerId, []), new PeerVersion(1, 2)).Sign(key);
    }

    private static byte[] Repeat(byte value, int count = 32) => Enumerable.Repeat(value, count).ToArray();

    private static byte[] BytesOf(Incarnation incarnation)
    {
        var bytes = new byte[Incarnation.Length];
        incarnation.CopyTo(bytes);
        return bytes;
    }
}
