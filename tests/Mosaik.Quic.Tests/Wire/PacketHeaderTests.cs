using Mosaik.Quic.Tests.Traces;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Wire;

public sealed class PacketHeaderTests
{
    public static TheoryData<string> Traces => TraceFile.Names(_ => true);

    [Theory]
    [MemberData(nameof(Traces))]
    public void Splits_every_datagram_of_every_trace(string name)
    {
        foreach (TraceDatagram datagram in TraceFile.Get(name).Datagrams)
        {
            byte[] bytes = (byte[])datagram.Bytes.Clone();
            int offset = 0;
            foreach (TracePacket packet in datagram.Packets)
            {
                // Both sides of some traces offered to grease the fixed bit, which we never do: such packets are not for us.
                bool greased = (bytes[offset] & PacketHeader.FixedBit) == 0;
                Assert.Equal(!greased, PacketHeader.TryParse(bytes, offset, out PacketHeader header));
                bytes[offset] |= PacketHeader.FixedBit;
                Assert.True(PacketHeader.TryParse(bytes, offset, out header));
                Assert.Equal((packet.At, packet.At + packet.Size), (header.Start, header.End));
                Assert.Equal(packet.Type, header.Type == PacketType.OneRtt ? "1-RTT" : header.Type.ToString());
                Assert.Equal(new ConnectionId(packet.Dcid), header.DestinationConnectionId);
                Assert.Equal(new ConnectionId(packet.Scid ?? []), header.SourceConnectionId);
                Assert.Equal(packet.Token ?? [],
                    bytes.AsSpan(header.TokenRange.Offset, header.TokenRange.Length).ToArray());
                Assert.Equal(packet.Header.Length - packet.PnLength, header.PacketNumberOffset - header.Start);
                Assert.True(header.HasSample);
                Assert.True(PacketHeader.TryReadDestination(bytes.AsSpan(offset), out ConnectionId routed));
                Assert.Equal(header.DestinationConnectionId, routed);
                offset = header.End;
            }
            Assert.Equal(bytes.Length, offset);
        }
    }

    [Theory]
    [MemberData(nameof(Traces))]
    public void Writes_the_header_of_every_recorded_packet(string name)
    {
        foreach (TracePacket packet in TraceFile.Get(name).Datagrams.SelectMany(d => d.Packets))
        {
            byte[] written = new byte[packet.Header.Length];
            PacketHeaderLayout layout;
            if (packet.Type == "1-RTT")
            {
                layout = PacketHeaderWriter.WriteShort(
                    written, new ConnectionId(packet.Dcid), packet.KeyPhase == 1, packet.Pn, packet.PnLength);
            }
            else
            {
                PacketType type = Enum.Parse<PacketType>(packet.Type);
                int lengthSize = packet.Header.Length - PacketHeaderWriter.LongHeaderLength(
                    type, packet.Dcid.Length, packet.Scid!.Length, packet.Token?.Length ?? 0, 0, packet.PnLength);
                layout = PacketHeaderWriter.WriteLong(written, type, new ConnectionId(packet.Dcid),
                    new ConnectionId(packet.Scid), packet.Token ?? [], lengthSize, packet.Pn, packet.PnLength);
                PacketHeaderWriter.PatchLength(written, layout, packet.Size);
            }
            Assert.Equal(packet.Header.Length, layout.HeaderLength);
            byte[] expected = (byte[])packet.Header.Clone();
            expected[0] |= PacketHeader.FixedBit;   // greased by some peers
            if (packet.Type == "1-RTT")
                expected[0] &= unchecked((byte)~0x20);   // the spin bit, which we leave 0
            Assert.Equal(expected, written);
        }
    }

    [Fact]
    public void Reads_the_client_initial_of_rfc_9001_a2()
    {
        byte[] header = Convert.FromHexString("c300000001088394c8f03e5157080000449e00000002");
        byte[] packet = new byte[1200];
        header.CopyTo(packet, 0);
        Assert.True(PacketHeader.TryParse(packet, 0, out PacketHeader parsed));
        Assert.Equal((PacketType.Initial, 1u, 18, 1200),
            (parsed.Type, parsed.Version, parsed.PacketNumberOffset, parsed.End));
        Assert.Equal("8394c8f03e515708", parsed.DestinationConnectionId.ToString());
        Assert.Equal(4, PacketHeader.PacketNumberLength(packet[0]));
    }

    [Fact]
    public void Reads_the_retry_of_rfc_9001_a4()
    {
        byte[] packet = Convert.FromHexString(
            "ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba");
        Assert.True(PacketHeader.TryParse(packet, 0, out PacketHeader parsed));
        Assert.Equal(PacketType.Retry, parsed.Type);
        Assert.Equal("f067a5502a4262b5", parsed.SourceConnectionId.ToString());
        Assert.Equal("token"u8, packet.AsSpan(parsed.TokenRange.Offset, parsed.TokenRange.Length));
        byte[] written = new byte[64];
        int length = PacketHeaderWriter.WriteRetry(
            written, default, new ConnectionId(Convert.FromHexString("f067a5502a4262b5")), "token"u8);
        written[0] |= 0x0f;   // the unused bits of the example
        Assert.Equal(packet[..^16], written[..length]);
        Assert.False(PacketHeader.TryParse(packet.AsSpan(0, packet.Length - 5), 0, out _));   // no token left
    }

    [Fact]
    public void Version_negotiation_round_trips_with_long_ids_and_reserved_versions()
    {
        byte[] destination = new SeededRandom(1).Bytes(255);
        byte[] source = new SeededRandom(2).Bytes(3);
        byte[] packet = new byte[7 + 255 + 3 + 8];
        int length = PacketHeaderWriter.WriteVersionNegotiation(packet, 0x2a, destination, source, [1, 0x0a1a2a3a]);
        Assert.Equal(packet.Length, length);
        Assert.True(PacketHeader.TryParse(packet, 0, out PacketHeader parsed));
        Assert.Equal(PacketType.VersionNegotiation, parsed.Type);
        Assert.Equal(destination, packet.AsSpan(parsed.DestinationIdRange.Offset, parsed.DestinationIdRange.Length));
        Assert.Equal(source, packet.AsSpan(parsed.SourceIdRange.Offset, parsed.SourceIdRange.Length));
        Assert.Equal(Convert.FromHexString("000000010a1a2a3a"),
            packet.AsSpan(parsed.VersionsRange.Offset, parsed.VersionsRange.Length).ToArray());
        Assert.NotEqual(0, packet[0] & PacketHeader.FixedBit);
        Assert.False(PacketHeader.TryParse(packet.AsSpan(0, length - 1), 0, out _));   // half a version
        Assert.False(PacketHeader.TryParse(packet.AsSpan(0, length - 8), 0, out _));   // no version
    }

    [Theory]
    [InlineData("")]
    [InlineData("40")]                                           // short header without connection id
    [InlineData("40c1c2c3c4c5c6c7")]                             // seven of its bytes
    [InlineData("00c1c2c3c4c5c6c7c80000000000000000000000000000000000000000")]   // fixed bit 0
    [InlineData("80000000010000000100")]                         // fixed bit 0 in version 1
    [InlineData("c0000000")]
    [InlineData("c000000001")]
    [InlineData("c000000001150000000000000000000000000000000000000000000000000001")]   // 21-byte destination
    [InlineData("c0000000010015000000000000000000000000000000000000000000000001")]     // 21-byte source
    [InlineData("c00000000108c1c2c3")]                           // destination cut
    [InlineData("c0000000010000")]                               // no token length
    [InlineData("c000000001000001")]                             // token cut
    [InlineData("c000000001000000")]                             // no length
    [InlineData("c00000000100000002ff")]                         // length beyond the datagram
    [InlineData("c000000001000000ffffffffffffffff00")]
    [InlineData("c000000001000000c000")]                         // length cut
    [InlineData("c00000000100003fff")]                           // token beyond the datagram
    [InlineData("e00000000100000200")]                           // Handshake: length beyond the datagram
    public void Refuses(string hex) =>
        Assert.False(PacketHeader.TryParse(Convert.FromHexString(hex), 0, out _));

    [Fact]
    public void Knows_only_the_invariants_of_other_versions()
    {
        byte[] packet = [0x80, 0xff, 0, 0, 0x1d, 21, .. new SeededRandom(1).Bytes(21), 0, 1, 2, 3];
        Assert.True(PacketHeader.TryParse(packet, 0, out PacketHeader parsed));   // fixed bit and length are version 1
        Assert.Equal((PacketType.UnknownVersion, 0xff00001du, packet.Length), (parsed.Type, parsed.Version, parsed.End));
        Assert.Equal((6, 21), parsed.DestinationIdRange);
        Assert.False(parsed.IsProtected);
        Assert.False(PacketHeader.TryReadDestination(packet, out _));
    }

    [Fact]
    public void Tells_when_a_packet_is_too_short_for_its_sample()
    {
        byte[] packet = [0x40, .. new byte[8], .. new byte[20]];
        Assert.True(PacketHeader.TryParse(packet, 0, out PacketHeader parsed) && parsed.HasSample);
        Assert.True(PacketHeader.TryParse(packet.AsSpan(0, packet.Length - 1), 0, out parsed) && !parsed.HasSample);
    }

    [Fact]
    public void Reserved_bits_and_flags_of_the_first_byte()
    {
        Assert.False(PacketHeader.HasReservedBits(0xc3));
        Assert.True(PacketHeader.HasReservedBits(0xc4));
        Assert.True(PacketHeader.HasReservedBits(0xc8));
        Assert.False(PacketHeader.HasReservedBits(0x67));   // spin, key phase, length
        Assert.True(PacketHeader.HasReservedBits(0x48));
        Assert.True(PacketHeader.HasReservedBits(0x50));
        Assert.True(PacketHeader.KeyPhase(0x44));
        Assert.False(PacketHeader.KeyPhase(0x63));
    }

    [Fact]
    public void Long_headers_round_trip()
    {
        var random = new SeededRandom(5);
        for (int i = 0; i < 5000; i++)
        {
            PacketType type = (PacketType)random.Below(3);
            var destination = new ConnectionId(random.Bytes(random.Below(21)));
            var source = new ConnectionId(random.Bytes(random.Below(21)));
            byte[] token = type == PacketType.Initial ? random.Bytes(random.Below(200)) : [];
            int lengthSize = random.Chance(0.5) ? 2 : 4;
            int numberLength = 1 + random.Below(4);
            ulong number = random.VarIntValue();
            int payload = random.Below(1200);
            byte[] packet = new byte[2000];
            PacketHeaderLayout layout =
                PacketHeaderWriter.WriteLong(packet, type, destination, source, token, lengthSize, number, numberLength);
            int end = layout.HeaderLength + payload;
            PacketHeaderWriter.PatchLength(packet, layout, end);
            Assert.Equal(layout.HeaderLength, PacketHeaderWriter.LongHeaderLength(
                type, destination.Length, source.Length, token.Length, lengthSize, numberLength));
            byte[] datagram = [.. random.Bytes(7), .. packet.AsSpan(0, end), 1, 2, 3];
            Assert.True(PacketHeader.TryParse(datagram, 7, out PacketHeader parsed));
            Assert.Equal((type, destination, source, 7, 7 + end), (parsed.Type, parsed.DestinationConnectionId,
                parsed.SourceConnectionId, parsed.Start, parsed.End));
            Assert.Equal(layout.PacketNumberOffset + 7, parsed.PacketNumberOffset);
            Assert.Equal(token, datagram.AsSpan(parsed.TokenRange.Offset, parsed.TokenRange.Length).ToArray());
            Assert.Equal(numberLength, PacketHeader.PacketNumberLength(datagram[7]));
            Assert.Equal((uint)(number & ((1UL << (8 * numberLength)) - 1)),
                PacketNumber.Read(datagram.AsSpan(parsed.PacketNumberOffset), numberLength));
        }
    }
}
