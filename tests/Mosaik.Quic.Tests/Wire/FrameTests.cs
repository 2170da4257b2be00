using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Wire;

/// <summary>Every frame of RFC 9000 §19: fields at 0, at their largest value, and one beyond; truncation at every byte.</summary>
public sealed class FrameTests
{
    private const ulong Max = VarInt.MaxValue;

    private delegate bool Writing(ref FrameWriter writer);

    private static readonly byte[] Token = new SeededRandom(9).Bytes(16);
    private static readonly ConnectionId LongId = new(new SeededRandom(8).Bytes(20));

    private static readonly Dictionary<string, (FrameType Type, Writing Write)> Cases = new(StringComparer.Ordinal)
    {
        ["padding"] = (FrameType.Padding, (ref FrameWriter w) => w.TryWritePadding(1)),
        ["ping"] = (FrameType.Ping, (ref FrameWriter w) => w.TryWritePing()),
        ["ack 0"] = (FrameType.Ack, (ref FrameWriter w) => w.TryWriteAck([new(0, 0)], 0)),
        ["ack max"] = (FrameType.Ack, (ref FrameWriter w) => w.TryWriteAck([new(5, Max), new(0, 3)], Max)),
        ["reset 0"] = (FrameType.ResetStream, (ref FrameWriter w) => w.TryWriteResetStream(0, 0, 0)),
        ["reset max"] = (FrameType.ResetStream, (ref FrameWriter w) => w.TryWriteResetStream(Max, Max, Max)),
        ["stop 0"] = (FrameType.StopSending, (ref FrameWriter w) => w.TryWriteStopSending(0, 0)),
        ["stop max"] = (FrameType.StopSending, (ref FrameWriter w) => w.TryWriteStopSending(Max, Max)),
        ["crypto 0"] = (FrameType.Crypto, (ref FrameWriter w) => w.TryBeginCrypto(0, 0, out _)),
        ["crypto max"] = (FrameType.Crypto, (ref FrameWriter w) => w.TryBeginCrypto(Max - 100, 100, out _)),
        ["token 1"] = (FrameType.NewToken, (ref FrameWriter w) => w.TryWriteNewToken([1])),
        ["token 1000"] = (FrameType.NewToken, (ref FrameWriter w) => w.TryWriteNewToken(new byte[1000])),
        ["stream 0"] = (FrameType.Stream, (ref FrameWriter w) => w.TryBeginStream(0, 0, 0, false, true, out _)),
        ["stream max"] = (FrameType.Stream, (ref FrameWriter w) => w.TryBeginStream(Max, Max - 70, 70, true, true, out _)),
        ["max data 0"] = (FrameType.MaxData, (ref FrameWriter w) => w.TryWriteMaxData(0)),
        ["max data max"] = (FrameType.MaxData, (ref FrameWriter w) => w.TryWriteMaxData(Max)),
        ["max stream data 0"] = (FrameType.MaxStreamData, (ref FrameWriter w) => w.TryWriteMaxStreamData(0, 0)),
        ["max stream data max"] = (FrameType.MaxStreamData, (ref FrameWriter w) => w.TryWriteMaxStreamData(Max, Max)),
        ["max bidi 0"] = (FrameType.MaxStreamsBidirectional, (ref FrameWriter w) => w.TryWriteMaxStreams(true, 0)),
        ["max bidi max"] = (FrameType.MaxStreamsBidirectional, (ref FrameWriter w) => w.TryWriteMaxStreams(true, 1UL << 60)),
        ["max uni 0"] = (FrameType.MaxStreamsUnidirectional, (ref FrameWriter w) => w.TryWriteMaxStreams(false, 0)),
        ["max uni max"] = (FrameType.MaxStreamsUnidirectional, (ref FrameWriter w) => w.TryWriteMaxStreams(false, 1UL << 60)),
        ["data blocked 0"] = (FrameType.DataBlocked, (ref FrameWriter w) => w.TryWriteDataBlocked(0)),
        ["data blocked max"] = (FrameType.DataBlocked, (ref FrameWriter w) => w.TryWriteDataBlocked(Max)),
        ["stream blocked 0"] = (FrameType.StreamDataBlocked, (ref FrameWriter w) => w.TryWriteStreamDataBlocked(0, 0)),
        ["stream blocked max"] = (FrameType.StreamDataBlocked, (ref FrameWriter w) => w.TryWriteStreamDataBlocked(Max, Max)),
        ["blocked bidi"] = (FrameType.StreamsBlockedBidirectional, (ref FrameWriter w) => w.TryWriteStreamsBlocked(true, 1UL << 60)),
        ["blocked uni"] = (FrameType.StreamsBlockedUnidirectional, (ref FrameWriter w) => w.TryWriteStreamsBlocked(false, 0)),
        ["new id 0"] = (FrameType.NewConnectionId,
            (ref FrameWriter w) => w.TryWriteNewConnectionId(0, 0, new ConnectionId([7]), Token)),
        ["new id max"] = (FrameType.NewConnectionId, (ref FrameWriter w) => w.TryWriteNewConnectionId(Max, Max, LongId, Token)),
        ["retire 0"] = (FrameType.RetireConnectionId, (ref FrameWriter w) => w.TryWriteRetireConnectionId(0)),
        ["retire max"] = (FrameType.RetireConnectionId, (ref FrameWriter w) => w.TryWriteRetireConnectionId(Max)),
        ["challenge"] = (FrameType.PathChallenge, (ref FrameWriter w) => w.TryWritePathChallenge(ulong.MaxValue)),
        ["response"] = (FrameType.PathResponse, (ref FrameWriter w) => w.TryWritePathResponse(0)),
        ["close 0"] = (FrameType.ConnectionClose, (ref FrameWriter w) => w.TryWriteConnectionClose(0, 0, [])),
        ["close max"] = (FrameType.ConnectionClose, (ref FrameWriter w) => w.TryWriteConnectionClose(Max, Max, "why"u8)),
        ["app close"] = (FrameType.ApplicationClose, (ref FrameWriter w) => w.TryWriteApplicationClose(204, "GracefulShutdown"u8)),
        ["done"] = (FrameType.HandshakeDone, (ref FrameWriter w) => w.TryWriteHandshakeDone()),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Round_trips_and_fits_exactly_and_is_refused_when_cut(string name)
    {
        (FrameType type, Writing write) = Cases[name];
        byte[] buffer = new byte[2000];
        var writer = new FrameWriter(buffer);
        Assert.True(write(ref writer));
        byte[] bytes = writer.WrittenSpan.ToArray();

        var exact = new FrameWriter(new byte[bytes.Length]);
        Assert.True(write(ref exact));
        Assert.Equal(0, exact.Remaining);

        var reader = new FrameReader(bytes, PacketType.OneRtt, receiverIsServer: false);
        Assert.True(reader.TryRead(out Frame frame));
        Assert.Equal(type, frame.Type);
        Assert.False(reader.TryRead(out _));
        Assert.Null(reader.Error);
        byte[] again = new byte[bytes.Length];
        var second = new FrameWriter(again);
        Assert.True(FrameEcho.Write(ref second, frame));
        Assert.Equal(bytes, again);

        for (int cut = 1; cut < bytes.Length; cut++)
        {
            var small = new FrameWriter(new byte[cut]);
            bool fits = write(ref small);
            // Only a reason phrase may be shortened and an ACK may leave out its oldest ranges; everything else is whole.
            Assert.True(!fits || type is FrameType.ConnectionClose or FrameType.ApplicationClose or FrameType.Ack, $"{cut}");
            var truncated = new FrameReader(bytes.AsSpan(0, cut), PacketType.OneRtt, receiverIsServer: false);
            Assert.False(truncated.TryRead(out _));
            Assert.Equal(QuicError.FrameEncodingError, truncated.Error);
        }
    }

    [Theory]
    [InlineData("", QuicError.ProtocolViolation)]
    [InlineData("1f", QuicError.FrameEncodingError)]                        // unknown
    [InlineData("30", QuicError.FrameEncodingError)]                        // DATAGRAM
    [InlineData("40af", QuicError.FrameEncodingError)]                      // ACK_FREQUENCY
    [InlineData("ffffffffffffffff", QuicError.FrameEncodingError)]
    [InlineData("4001", QuicError.ProtocolViolation)]                       // PING in two bytes
    [InlineData("800000060000", QuicError.ProtocolViolation)]
    [InlineData("0205000006", QuicError.FrameEncodingError)]                // first range below 0
    [InlineData("020500010500", QuicError.FrameEncodingError)]              // nothing left for the gap
    [InlineData("02050001040000", QuicError.FrameEncodingError)]            // 5..1, gap 0 → below 0
    [InlineData("020500010202ff", QuicError.FrameEncodingError)]            // truncated length
    [InlineData("0205000102000400", QuicError.FrameEncodingError)]          // length below 0
    [InlineData("0205ffffffffffffffffffffffffffffffff00", QuicError.FrameEncodingError)]   // 2^62 ranges announced
    [InlineData("0600ffffffffffffffff", QuicError.FrameEncodingError)]
    [InlineData("06ffffffffffffffff0100", QuicError.FrameEncodingError)]    // CRYPTO data beyond 2^62 − 1
    [InlineData("0e00ffffffffffffffff0100", QuicError.FrameEncodingError)]  // STREAM data beyond 2^62 − 1
    [InlineData("0c00ffffffffffffffff00", QuicError.FrameEncodingError)]    // the same without length
    [InlineData("0700", QuicError.FrameEncodingError)]                      // empty token
    [InlineData("12d000000000000001", QuicError.FrameEncodingError)]        // 2^60 + 1 streams
    [InlineData("13d000000000000001", QuicError.FrameEncodingError)]
    [InlineData("16d000000000000001", QuicError.FrameEncodingError)]
    [InlineData("17d000000000000001", QuicError.FrameEncodingError)]
    [InlineData("18000000", QuicError.FrameEncodingError)]                  // id of 0 bytes
    [InlineData("18000015000000000000000000000000000000000000000000000000000000000000000000000000000000", QuicError.FrameEncodingError)]
    [InlineData("180001010700000000000000000000000000000000", QuicError.FrameEncodingError)]   // retire 1 prior to 0
    public void Refuses(string hex, QuicError error)
    {
        var reader = new FrameReader(Convert.FromHexString(hex), PacketType.OneRtt, receiverIsServer: false);
        while (reader.TryRead(out _))
        {
        }
        Assert.Equal(error, reader.Error);
        Assert.NotNull(reader.Reason);
        Assert.False(reader.TryRead(out _));
    }

    [Fact]
    public void Every_frame_is_allowed_exactly_where_table_3_says()
    {
        // RFC 9000 §12.4, column "Pkts": I, H, 0, 1.
        string[] table =
        [
            "IH01", "IH01", "IH_1", "IH_1", "__01", "__01", "IH_1", "___1",
            "__01", "__01", "__01", "__01", "__01", "__01", "__01", "__01",
            "__01", "__01", "__01", "__01", "__01", "__01", "__01", "__01",
            "__01", "__01", "__01", "___1", "ih01", "__01", "___1",
        ];
        PacketType[] packets = [PacketType.Initial, PacketType.Handshake, PacketType.ZeroRtt, PacketType.OneRtt];
        for (int type = 0; type < table.Length; type++)
        {
            for (int i = 0; i < packets.Length; i++)
            {
                bool allowed = table[type][i] != '_';
                Assert.Equal(allowed, FrameTypes.IsAllowed((FrameType)type, packets[i]));
                byte[] payload = new byte[40];
                payload[0] = (byte)type;
                payload.AsSpan(1).Fill(1);
                var reader = new FrameReader(payload, packets[i], receiverIsServer: false);
                bool read = reader.TryRead(out _);
                Assert.True(allowed || (!read && reader.Error == QuicError.ProtocolViolation));
            }
        }
        Assert.False(FrameTypes.IsAllowed((FrameType)0x1f, PacketType.OneRtt));
    }

    [Theory]
    [InlineData("1e")]
    [InlineData("070101")]
    public void A_server_refuses_what_only_servers_send(string hex)
    {
        var server = new FrameReader(Convert.FromHexString(hex), PacketType.OneRtt, receiverIsServer: true);
        Assert.False(server.TryRead(out _));
        Assert.Equal(QuicError.ProtocolViolation, server.Error);
        var client = new FrameReader(Convert.FromHexString(hex), PacketType.OneRtt, receiverIsServer: false);
        Assert.True(client.TryRead(out _));
    }

    [Fact]
    public void Only_padding_ack_and_close_elicit_no_acknowledgement()
    {
        for (FrameType type = 0; type <= FrameType.HandshakeDone; type++)
        {
            bool silent = type is FrameType.Padding or FrameType.Ack or FrameType.AckEcn or FrameType.ConnectionClose
                or FrameType.ApplicationClose;
            Assert.Equal(!silent, FrameTypes.IsAckEliciting(type));
        }
    }

    [Fact]
    public void Reads_ecn_counts()
    {
        var reader = new FrameReader(Convert.FromHexString("030a0501020003" + "40" + "41" + "02" + "03"), PacketType.Initial, true);
        Assert.True(reader.TryRead(out Frame frame));
        Assert.Equal(new EcnCounts(0x41, 2, 3), frame.EcnCounts);
        Assert.Equal((10UL, 5UL, 2), (frame.LargestAcknowledged, frame.AckDelay, frame.AckRangeCount));
        Assert.Null(reader.Error);
    }

    [Fact]
    public void Ack_ranges_round_trip_and_the_oldest_are_left_out_when_space_ends()
    {
        var random = new SeededRandom(11);
        for (int round = 0; round < 2000; round++)
        {
            var ranges = new List<PacketNumberRange>();
            ulong largest = random.VarIntValue();
            while (ranges.Count < 64)
            {
                ulong smallest = largest - Math.Min(largest, random.VarIntValue() >> random.Below(50));
                ranges.Add(new PacketNumberRange(smallest, largest));
                ulong gap = 2 + (random.VarIntValue() >> random.Below(60));
                if (smallest < gap)
                    break;
                largest = smallest - gap;
            }
            var writer = new FrameWriter(new byte[20 + random.Below(200)]);
            if (!writer.TryWriteAck([.. ranges], (ulong)round))
                continue;   // the first range alone did not fit
            var reader = new FrameReader(writer.WrittenSpan, PacketType.Handshake, false);
            Assert.True(reader.TryRead(out Frame frame), reader.Reason);
            var read = new List<PacketNumberRange>();
            foreach (PacketNumberRange range in frame.AckRanges)
                read.Add(range);
            Assert.Equal(frame.AckRangeCount, read.Count);
            Assert.Equal(ranges.Take(read.Count), read);
            Assert.True(read.Count == ranges.Count || writer.Remaining < 16);
        }
    }

    [Fact]
    public void A_reason_is_cut_at_a_character()
    {
        byte[] reason = "ärger"u8.ToArray();
        var writer = new FrameWriter(new byte[4]);
        Assert.True(writer.TryWriteApplicationClose(1, reason));   // room for one byte of the reason, half a character
        Assert.Equal("1d0100", Convert.ToHexStringLower(writer.WrittenSpan));
    }

    [Fact]
    public void Data_is_fitted_to_the_last_byte()
    {
        for (int room = 0; room < 300; room++)
            AssertFits(room);
        for (int room = 16_380; room < 16_400; room++)
            AssertFits(room);

        static void AssertFits(int room)
        {
            int length = FrameWriter.FittingData(room, 5, int.MaxValue);
            Assert.Equal(length < 0, room < 6);
            if (length < 0)
                return;
            Assert.True(5 + VarInt.Length((ulong)length) + length <= room);
            Assert.True(5 + VarInt.Length((ulong)length + 1) + length + 1 > room);
        }
    }

    [Fact]
    public void Frames_before_an_error_are_read()
    {
        var reader = new FrameReader([0x01, 0, 0, 0, 0x1f], PacketType.OneRtt, false);
        Assert.True(reader.TryRead(out Frame ping) && ping.Type == FrameType.Ping);
        Assert.True(reader.TryRead(out Frame padding) && padding.PaddingLength == 3);
        Assert.False(reader.TryRead(out _));
        Assert.Equal((QuicError.FrameEncodingError, 0x1fUL), (reader.Error!.Value, reader.LastFrameType));
    }

    [Fact]
    public void Reading_and_writing_allocate_nothing()
    {
        byte[] buffer = new byte[1200];
        Run(buffer);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            Run(buffer);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        static void Run(byte[] buffer)
        {
            var writer = new FrameWriter(buffer);
            writer.TryWriteAck([new(90, 100), new(70, 80), new(0, 3)], 17);
            writer.TryWriteMaxStreamData(4, 123_456);
            writer.TryWriteNewConnectionId(3, 1, ConnectionId.FromUInt64(9), Token);
            writer.TryBeginStream(8, 77, 500, true, true, out Span<byte> data);
            data.Fill(7);
            var reader = new FrameReader(writer.WrittenSpan, PacketType.OneRtt, true);
            ulong sum = 0;
            while (reader.TryRead(out Frame frame))
            {
                if (frame.Type == FrameType.Ack)
                {
                    foreach (PacketNumberRange range in frame.AckRanges)
                        sum += range.Largest;
                }
            }
            if (sum != 183 || reader.Error is not null)
                throw new InvalidOperationException("wrong sum");
        }
    }
}
