using System.Text.Json;
using Mosaik.Quic.Tests.Traces;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Wire;

/// <summary>Assertion 4 of the traces: every payload parses to the frames listed and encodes to the same bytes.</summary>
public sealed class TraceFrameTests
{
    public static TheoryData<string> Traces => TraceFile.Names(_ => true);

    [Theory]
    [MemberData(nameof(Traces))]
    public void Parses_every_payload_to_the_frames_listed(string name)
    {
        foreach ((TraceDatagram datagram, TracePacket packet) in Packets(name))
        {
            var reader = new FrameReader(packet.Payload, TypeOf(packet), receiverIsServer: datagram.From == "client");
            foreach (JsonElement expected in packet.Frames)
            {
                Assert.True(reader.TryRead(out Frame frame), reader.Reason);
                AssertFrame(expected, frame);
            }
            Assert.False(reader.TryRead(out _));
            Assert.Null(reader.Error);
        }
    }

    [Theory]
    [MemberData(nameof(Traces))]
    public void Encodes_the_frames_to_the_same_payload_where_the_sender_used_shortest_varints(string name)
    {
        int same = 0;
        int longer = 0;
        foreach ((TraceDatagram datagram, TracePacket packet) in Packets(name))
        {
            byte[] written = new byte[packet.Payload.Length];
            var writer = new FrameWriter(written);
            var reader = new FrameReader(packet.Payload, TypeOf(packet), receiverIsServer: datagram.From == "client");
            bool fits = true;
            while (reader.TryRead(out Frame frame))
                fits &= FrameEcho.Write(ref writer, frame, (reader.LastFrameType & 0x02) != 0);
            if (fits && writer.Remaining == 0)
            {
                Assert.Equal(packet.Payload, written);
                same++;
                continue;
            }
            // ngtcp2 writes lengths of CRYPTO and STREAM in more bytes than needed; what we write is then shorter.
            Assert.True(fits && writer.Remaining > 0);
            longer++;
        }
        Assert.True(same > longer, $"{same} same, {longer} longer");
    }

    private static IEnumerable<(TraceDatagram Datagram, TracePacket Packet)> Packets(string name) =>
        TraceFile.Get(name).Datagrams.SelectMany(datagram => datagram.Packets.Select(packet => (datagram, packet)));

    private static PacketType TypeOf(TracePacket packet) =>
        packet.Type == "1-RTT" ? PacketType.OneRtt : Enum.Parse<PacketType>(packet.Type);

    private static void AssertFrame(JsonElement expected, in Frame frame)
    {
        string type = expected.GetProperty("type").GetString()!;
        int fields = expected.EnumerateObject().Count() - 1;   // every field must be compared
        switch (type)
        {
            case "PADDING":
                Assert.Equal(FrameType.Padding, frame.Type);
                Assert.Equal(Number(expected, "length"), (ulong)frame.PaddingLength);
                fields -= 1;
                break;
            case "PING":
                Assert.Equal(FrameType.Ping, frame.Type);
                break;
            case "HANDSHAKE_DONE":
                Assert.Equal(FrameType.HandshakeDone, frame.Type);
                break;
            case "ACK":
                Assert.Equal(FrameType.Ack, frame.Type);
                Assert.Equal(Number(expected, "ackDelay"), frame.AckDelay);
                AckRangeEnumerator ranges = frame.AckRanges;
                foreach (JsonElement range in expected.GetProperty("ranges").EnumerateArray())
                {
                    Assert.True(ranges.MoveNext());
                    Assert.Equal(new PacketNumberRange(range[0].GetUInt64(), range[1].GetUInt64()), ranges.Current);
                }
                Assert.False(ranges.MoveNext());
                fields -= 2;
                break;
            case "CRYPTO":
                Assert.Equal(FrameType.Crypto, frame.Type);
                Assert.Equal(Number(expected, "cryptoOffset"), frame.Offset);
                Assert.Equal(Number(expected, "length"), (ulong)frame.Data.Length);
                Assert.Equal(Number(expected, "at"), (ulong)frame.DataOffset);
                fields -= 3;
                break;
            case "STREAM":
                Assert.Equal(FrameType.Stream, frame.Type);
                Assert.Equal(Number(expected, "stream"), frame.StreamId);
                Assert.Equal(Number(expected, "streamOffset"), frame.Offset);
                Assert.Equal(Number(expected, "length"), (ulong)frame.Data.Length);
                Assert.Equal(Number(expected, "at"), (ulong)frame.DataOffset);
                Assert.Equal(expected.GetProperty("fin").GetBoolean(), frame.Fin);
                fields -= 5;
                break;
            case "NEW_CONNECTION_ID":
                Assert.Equal(FrameType.NewConnectionId, frame.Type);
                Assert.Equal(Number(expected, "sequence"), frame.SequenceNumber);
                Assert.Equal(Number(expected, "retirePriorTo"), frame.RetirePriorTo);
                Assert.Equal(expected.GetProperty("connectionId").GetString(), frame.ConnectionId.ToString());
                Assert.Equal(expected.GetProperty("resetToken").GetString(), Convert.ToHexStringLower(frame.StatelessResetToken));
                fields -= 4;
                break;
            case "RETIRE_CONNECTION_ID":
                Assert.Equal(FrameType.RetireConnectionId, frame.Type);
                Assert.Equal(Number(expected, "sequence"), frame.SequenceNumber);
                fields -= 1;
                break;
            case "APPLICATION_CLOSE":
                Assert.Equal(FrameType.ApplicationClose, frame.Type);
                Assert.Equal(Number(expected, "code"), frame.ErrorCode);
                Assert.Equal(expected.GetProperty("reason").GetString(), System.Text.Encoding.UTF8.GetString(frame.Data));
                fields -= 2;
                break;
            default:
                Assert.Fail("unknown frame in a trace: " + type);
                break;
        }
        Assert.Equal(0, fields);
    }

    private static ulong Number(JsonElement element, string name) => element.GetProperty(name).GetUInt64();
}
