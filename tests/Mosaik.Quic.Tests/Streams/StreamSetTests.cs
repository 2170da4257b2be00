using Mosaik.Quic.Recovery;
using Mosaik.Quic.Streams;
using Mosaik.Quic.Tests.Wire;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Streams;

public sealed class StreamSetTests
{
    private const ulong Window = 1000;

    [Fact]
    public void Opening_a_stream_opens_all_lower_ones_of_its_kind()
    {
        using StreamSet server = Create(isServer: true);
        Assert.Null(server.OnStream(8, 0, "x"u8, false));
        Assert.Null(server.OnStream(2, 0, [], true));
        Assert.Equal(["Opened 0", "Opened 4", "Opened 8", "Readable 8", "Opened 2", "Readable 2"], Events(server));
        Assert.Equal(4, server.Count);
        Assert.Null(server.OnStreamDataBlocked(12, 0));
        Assert.Null(server.OnStopSending(16, 1));
        Assert.Null(server.OnMaxStreamData(20, 5));
        Assert.Equal(["Opened 12", "Opened 16", "SendStopped 16", "Opened 20"], Events(server));
    }

    [Theory]   // as a server: 0, 4 … and 2, 6 … are the client's, 1, 5 … and 3, 7 … our own
    [InlineData("stream 1", QuicError.StreamStateError)]            // ours, never opened
    [InlineData("stream 3", QuicError.StreamStateError)]            // only we send on it
    [InlineData("reset 3", QuicError.StreamStateError)]
    [InlineData("reset 1", QuicError.StreamStateError)]
    [InlineData("blocked 3", QuicError.StreamStateError)]
    [InlineData("stop 2", QuicError.StreamStateError)]              // only the peer sends on it
    [InlineData("stop 1", QuicError.StreamStateError)]
    [InlineData("max 2", QuicError.StreamStateError)]
    [InlineData("max 1", QuicError.StreamStateError)]
    [InlineData("stream 400", QuicError.StreamLimitError)]          // 100 of each kind are allowed
    [InlineData("stream 402", QuicError.StreamLimitError)]
    [InlineData("reset 400", QuicError.StreamLimitError)]
    [InlineData("stop 400", QuicError.StreamLimitError)]
    [InlineData("max 400", QuicError.StreamLimitError)]
    [InlineData("blocked 402", QuicError.StreamLimitError)]
    [InlineData("stream 4611686018427387900", QuicError.StreamLimitError)]
    [InlineData("stream 396", null)]
    [InlineData("stream 398", null)]
    public void Refuses_frames_for_the_wrong_stream(string frame, QuicError? expected)
    {
        using StreamSet server = Create(isServer: true);
        string[] parts = frame.Split(' ');
        ulong id = ulong.Parse(parts[1]);
        Assert.Equal(expected, parts[0] switch
        {
            "stream" => server.OnStream(id, 0, "x"u8, false),
            "reset" => server.OnResetStream(id, 0, 0),
            "stop" => server.OnStopSending(id, 0),
            "max" => server.OnMaxStreamData(id, 1),
            _ => server.OnStreamDataBlocked(id, 1),
        });
    }

    [Fact]
    public void A_changed_final_size_and_data_beyond_it_are_errors()
    {
        Check(QuicError.FinalSizeError, set => [set.OnStream(0, 0, new byte[10], true), set.OnStream(0, 10, [1], false)]);
        Check(QuicError.FinalSizeError, set => [set.OnStream(0, 0, new byte[10], true), set.OnStream(0, 0, new byte[9], true)]);
        Check(QuicError.FinalSizeError, set => [set.OnStream(0, 5, new byte[10], false), set.OnStream(0, 0, new byte[14], true)]);
        Check(QuicError.FinalSizeError, set => [set.OnStream(0, 5, new byte[10], false), set.OnResetStream(0, 1, 14)]);
        Check(QuicError.FinalSizeError, set => [set.OnStream(0, 5, new byte[10], true), set.OnResetStream(0, 1, 16)]);
        Check(QuicError.FinalSizeError, set => [set.OnResetStream(0, 1, 10), set.OnResetStream(0, 1, 11)]);
        Check(QuicError.FinalSizeError, set => [set.OnResetStream(0, 1, 10), set.OnStream(0, 0, new byte[11], false)]);
        Check(null, set => [set.OnResetStream(0, 1, 10), set.OnStream(0, 0, new byte[10], true), set.OnResetStream(0, 2, 10)]);
        Check(null, set => [set.OnStream(0, 3, [], true), set.OnStream(0, 0, new byte[3], false)]);

        static void Check(QuicError? expected, Func<StreamSet, QuicError?[]> run)
        {
            using StreamSet server = Create(isServer: true);
            QuicError?[] results = run(server);
            Assert.All(results[..^1], error => Assert.Null(error));
            Assert.Equal(expected, results[^1]);
        }
    }

    [Fact]
    public void Windows_count_the_highest_offset_of_every_stream_and_resets_count_their_final_size()
    {
        using (StreamSet server = Create(isServer: true))
        {
            Assert.Null(server.OnStream(0, Window - 1, [1], false));
            Assert.Equal(QuicError.FlowControlError, server.OnStream(0, Window, [1], false));
        }
        using (StreamSet server = Create(isServer: true))
            Assert.Equal(QuicError.FlowControlError, server.OnResetStream(0, 0, Window + 1));
        using (StreamSet server = Create(isServer: true))   // the connection allows 2.5 windows
        {
            Assert.Null(server.OnStream(0, Window - 1, [1], false));
            Assert.Null(server.OnResetStream(4, 0, Window));
            Assert.Equal((2 * Window) - Window, server.BufferedReceiveBytes);   // the reset bytes are consumed at once
            Assert.Null(server.OnStream(8, 499, [1], false));
            Assert.Null(server.OnStream(8, 499, [1], false));
            Assert.Equal(QuicError.FlowControlError, server.OnStream(12, 0, [1], false));
        }
    }

    [Fact]
    public void Too_many_disjoint_ranges_are_a_protocol_violation()
    {
        using var server = new StreamSet(isServer: true, TransportParametersTests.Profile());
        for (ulong i = 0; i < Reassembler.MaxRanges; i++)
            Assert.Null(server.OnStream(0, (2 * i) + 1, [1], false));
        Assert.Equal(QuicError.ProtocolViolation, server.OnStream(0, 9999, [1], false));
    }

    [Fact]
    public void More_than_2_to_the_60_streams_are_refused()
    {
        using StreamSet server = Create(isServer: true);
        Assert.Equal(QuicError.FrameEncodingError, server.OnMaxStreams(true, (1UL << 60) + 1));
        Assert.Equal(QuicError.FrameEncodingError, server.OnStreamsBlocked(false, (1UL << 60) + 1));
        Assert.Null(server.OnMaxStreams(true, 1UL << 60));
        Assert.Null(server.OnStreamsBlocked(false, 1UL << 60));
    }

    [Fact]
    public void Frames_for_finished_streams_are_ignored()
    {
        using StreamSet server = Create(isServer: true);
        Assert.Null(server.OnStream(2, 0, "x"u8, true));
        Assert.Equal(1, server.Read(2, new byte[10], out bool fin));
        Assert.True(fin);
        Assert.Equal(["Opened 2", "Readable 2", "Finished 2"], Events(server));
        Assert.Null(server.OnStream(2, 0, "x"u8, true));
        Assert.Null(server.OnResetStream(2, 0, 1));
        Assert.Empty(Events(server));
        Assert.Equal((0, -1), (server.Count, server.Read(2, new byte[1], out _)));
    }

    [Fact]
    public void Credit_returns_when_half_a_window_has_been_read()
    {
        using StreamSet server = Create(isServer: true);
        Assert.Null(server.OnStream(0, 0, new byte[Window], false));
        Assert.False(server.HasPendingFrames);
        Assert.Equal(499, server.Read(0, new byte[499], out _));
        Assert.False(server.HasPendingFrames);
        Assert.Equal(1, server.Read(0, new byte[1], out _));
        Assert.Equal(["MaxStreamData 0 1500"], Frames(server));
        Assert.Equal(500, server.Read(0, new byte[999], out _));
        Assert.Equal(["MaxStreamData 0 2000"], Frames(server));
        Assert.Null(server.OnStream(0, Window, new byte[250], false));
        Assert.Equal(250, server.Read(0, new byte[999], out _));
        Assert.Equal(["MaxData 0 3750"], Frames(server));   // half of the connection's 2500
    }

    [Fact]
    public void A_frozen_endpoint_raises_no_connection_window()
    {
        using StreamSet server = Create(isServer: true);
        server.WindowsFrozen = true;
        Assert.Null(server.OnStream(0, 0, new byte[Window], true));
        Assert.Null(server.OnStream(4, 0, new byte[Window], true));
        Assert.Equal((int)Window, server.Read(0, new byte[Window], out _));
        Assert.Equal((int)Window, server.Read(4, new byte[Window], out _));
        Assert.False(server.HasPendingFrames);
        server.WindowsFrozen = false;
        Assert.Equal(["MaxData 0 4500"], Frames(server));
    }

    [Fact]
    public void Limits_that_were_lost_are_sent_again_with_their_present_value_and_old_ones_are_not()
    {
        using StreamSet server = Create(isServer: true);
        Assert.Null(server.OnStream(0, 0, new byte[500], false));
        server.Read(0, new byte[500], out _);
        SentFrame first = Sent(server).Single();
        Assert.Null(server.OnStream(0, 500, new byte[500], false));
        server.Read(0, new byte[500], out _);
        SentFrame second = Sent(server).Single();
        server.OnLost(first);
        Assert.False(server.HasPendingFrames);
        server.OnLost(second);
        Assert.Equal(["MaxStreamData 0 2000"], Frames(server));
        Assert.Null(server.OnStream(0, 1000, [], true));
        server.OnLost(second);   // the size is known: credit is of no use any more
        Assert.False(server.HasPendingFrames);
    }

    [Fact]
    public void Sending_stops_at_the_limits_and_says_so_once()
    {
        using StreamSet client = Create(isServer: false);
        for (int i = 0; i < 3; i++)
        {
            Assert.True(client.TryOpen(true, out StreamId id));
            Assert.Equal(1500, client.Write(id, new byte[1500]));
        }
        Assert.Equal(
            ["Stream 0 0+1000", "Stream 4 0+1000", "Stream 8 0+500"],
            Frames(client, room: 4000).Where(f => f.StartsWith("Stream ", StringComparison.Ordinal)));
        Assert.Equal(["DataBlocked 0 2500", "StreamDataBlocked 0 1000", "StreamDataBlocked 4 1000"], Frames(client).Order());
        Assert.False(client.HasPendingFrames);
        Assert.Null(client.OnMaxData(2400));   // lower than before: late
        Assert.Null(client.OnMaxStreamData(0, 1000));
        Assert.False(client.HasPendingFrames);
        Assert.Null(client.OnMaxData(10_000));
        Assert.Null(client.OnMaxStreamData(4, 1100));
        Assert.Equal(["Stream 8 500+500", "Stream 4 1000+100", "StreamDataBlocked 4 1100", "StreamDataBlocked 8 1000"],
            Frames(client).OrderBy(f => f.StartsWith("Stream ", StringComparison.Ordinal) ? 0 : 1)
                .Concat(Frames(client).Order()).ToArray());
    }

    [Fact]
    public void Streams_send_in_turn()
    {
        using var client = new StreamSet(isServer: false, TransportParametersTests.Profile());
        client.ApplyPeerParameters(TransportParametersTests.Profile());
        var ids = new List<ulong>();
        for (int i = 0; i < 10; i++)
        {
            Assert.True(client.TryOpen(true, out StreamId id));
            client.Write(id, new byte[100_000]);
            ids.Add(id);
        }
        var turns = new List<ulong>();
        for (int i = 0; i < 40; i++)
            turns.Add(Sent(client, 1200).Single().Id);
        Assert.Equal(Enumerable.Range(0, 40).Select(i => ids[i % 10]), turns);
    }

    [Fact]
    public void Opening_beyond_the_limit_waits_for_the_peer()
    {
        using StreamSet client = Create(isServer: false);
        for (int i = 0; i < 100; i++)
            Assert.True(client.TryOpen(false, out _));
        Assert.False(client.TryOpen(false, out _));
        Assert.False(client.TryOpen(false, out _));
        Assert.True(client.TryOpen(true, out _));
        SentFrame blocked = Sent(client).Single();
        Assert.Equal(new SentFrame(SentFrameKind.StreamsBlocked, 1, 100), blocked);
        client.OnLost(blocked);
        Assert.Equal(["StreamsBlocked 1 100"], Frames(client));
        Assert.Null(client.OnMaxStreams(false, 101));
        Assert.Equal(["StreamsAvailable 2"], Events(client));
        Assert.True(client.TryOpen(false, out StreamId id));
        Assert.Equal(402UL, id.Value);
        client.OnLost(blocked);   // the limit has moved on
        Assert.False(client.HasPendingFrames);
    }

    [Fact]
    public void Stream_credit_returns_only_when_a_stream_is_finished_and_consumed()
    {
        using StreamSet server = Create(isServer: true);
        for (ulong id = 2; id < 402; id += 4)
            Assert.Null(server.OnResetStream(id, 9, 0));
        Assert.Equal(100UL, server.EarlyResets);
        Assert.False(server.HasPendingFrames);
        Assert.Equal(QuicError.StreamLimitError, CreateAndReset(402));
        Assert.Equal(-1, server.Read(2, new byte[1], out _));   // the application has seen the reset of one
        Assert.Equal(["MaxStreams 1 101"], Frames(server));     // the peer has none left: announced at once
        Assert.Null(server.OnResetStream(402, 9, 0));
        for (ulong id = 6; id < 402; id += 4)
            server.StopSending(id, 0);
        Assert.Equal(["MaxStreams 1 200"], Frames(server));
        Assert.Equal(1, server.Count);

        QuicError? CreateAndReset(ulong id)
        {
            using StreamSet other = Create(isServer: true);
            return other.OnResetStream(id, 9, 0);
        }
    }

    [Fact]
    public void Stop_sending_is_answered_with_reset_and_the_same_code()
    {
        using StreamSet client = Create(isServer: false);
        client.TryOpen(true, out StreamId id);
        client.Write(id, new byte[700]);
        Frames(client);
        client.Write(id, new byte[100]);
        Assert.Null(client.OnStopSending(id, 77));
        Assert.Equal(0UL, client.UnacknowledgedBytes);
        Assert.Equal(["SendStopped 0"], Events(client));
        SentFrame reset = Sent(client).Single();
        Assert.Equal(new SentFrame(SentFrameKind.ResetStream, 0, 77), reset);
        Assert.Equal(-1, client.Write(id, [1]));
        Assert.Null(client.OnStopSending(id, 78));
        Assert.Empty(Events(client));
        client.OnLost(reset);
        Assert.Single(Sent(client));
        client.OnAcknowledged(reset);
        client.OnLost(reset);   // the second copy; nothing is left to do
        Assert.False(client.HasPendingFrames);
        client.StopSending(id, 5);
        Assert.Equal(["StopSending 0 5"], Frames(client));
        Assert.Null(client.OnResetStream(id, 5, 0));
        Assert.Equal(["Finished 0"], Events(client));
        Assert.Equal(0, client.Count);
    }

    [Fact]
    public void A_reset_carries_the_credit_used_as_final_size()
    {
        using StreamSet client = Create(isServer: false);
        client.TryOpen(true, out StreamId id);
        client.Write(id, new byte[700]);
        var writer = new FrameWriter(new byte[100]);
        var sent = default(SentFrameList);
        client.WriteFrames(ref writer, ref sent);
        ulong size = (ulong)sent[0].Length;
        client.Reset(id, 3);
        writer = new FrameWriter(new byte[100]);
        client.WriteFrames(ref writer, ref sent);
        var reader = new FrameReader(writer.WrittenSpan, PacketType.OneRtt, true);
        Assert.True(reader.TryRead(out Frame frame));
        Assert.Equal((FrameType.ResetStream, 3UL, size), (frame.Type, frame.ErrorCode, frame.FinalSize));
    }

    [Fact]
    public void A_lone_fin_needs_no_credit_and_is_sent_again_when_lost()
    {
        using StreamSet client = Create(isServer: false);
        client.TryOpen(true, out StreamId id);
        client.Write(id, new byte[1000]);
        Frames(client);
        client.Finish(id);
        SentFrame fin = Sent(client).Single();
        Assert.Equal(new SentFrame(SentFrameKind.Stream, 0, 1000, 0, true), fin);
        client.OnLost(fin);
        Assert.Equal([fin], Sent(client));
        Assert.False(client.NotifyWhenAcknowledged(id));
        client.OnAcknowledged(new SentFrame(SentFrameKind.Stream, 0, 0, 1000, false));
        Assert.Empty(Events(client));
        client.OnAcknowledged(fin);
        Assert.Equal(["AllAcknowledged 0"], Events(client));
        Assert.True(client.NotifyWhenAcknowledged(id));
    }

    [Fact]
    public void Fin_travels_with_the_last_bytes()
    {
        using StreamSet client = Create(isServer: false);
        client.TryOpen(true, out StreamId id);
        client.Write(id, "hello"u8);
        client.Finish(id);
        Assert.Equal(new SentFrame(SentFrameKind.Stream, 0, 0, 5, true), Sent(client).Single());
        Assert.Equal(-1, client.Write(id, "more"u8));
    }

    [Fact]
    public void Everything_can_be_acknowledged_without_fin()
    {
        using StreamSet client = Create(isServer: false);
        client.TryOpen(true, out StreamId id);
        Assert.True(client.NotifyWhenAcknowledged(id));
        client.Write(id, "hello"u8);
        Assert.False(client.NotifyWhenAcknowledged(id));
        client.OnAcknowledged(Sent(client).Single());
        Assert.Equal(["AllAcknowledged 0"], Events(client));
    }

    [Fact]
    public void A_writer_waits_at_256_KiB_unsent_and_goes_on_at_half()
    {
        using var client = new StreamSet(isServer: false, TransportParametersTests.Profile());
        client.ApplyPeerParameters(TransportParametersTests.Profile());
        client.TryOpen(true, out StreamId id);
        Assert.Equal(StreamLimits.UnsentPerStream, client.Write(id, new byte[1_000_000]));
        Assert.Equal(0, client.Write(id, new byte[1]));
        int packets = 0;
        while (!client.TryPollEvent(out _))
        {
            Sent(client, 1200);
            packets++;
        }
        Assert.InRange(packets, 109, 113);   // 128 KiB in packets of 1200
    }

    [Fact]
    public void Writers_wait_at_ten_million_unacknowledged_bytes_and_all_go_on()
    {
        using var client = new StreamSet(isServer: false, TransportParametersTests.Profile());
        client.ApplyPeerParameters(TransportParametersTests.Profile() with
        {
            InitialMaxData = VarInt.MaxValue,
            InitialMaxStreamDataBidiRemote = VarInt.MaxValue,
        });
        var sent = new List<SentFrame>();
        var ids = new List<StreamId>();
        for (int i = 0; i < 45; i++)
        {
            client.TryOpen(true, out StreamId id);
            ids.Add(id);
            int accepted = client.Write(id, new byte[StreamLimits.UnsentPerStream]);
            Assert.True(accepted <= StreamLimits.UnsentPerStream);
            while (client.HasPendingFrames)
                sent.AddRange(Sent(client, 60_000));
        }
        Assert.Equal((ulong)StreamLimits.UnacknowledgedPerConnection, client.UnacknowledgedBytes);
        Assert.Empty(Events(client));
        foreach (SentFrame frame in sent)
            client.OnAcknowledged(frame);
        Assert.Equal(0UL, client.UnacknowledgedBytes);
        string[] writable = Events(client);
        Assert.Equal(45 - 38, writable.Length);   // 38 streams had room for their 256 KiB
        Assert.All(writable, e => Assert.StartsWith("Writable", e, StringComparison.Ordinal));
    }

    [Fact]
    public void A_stopped_stream_drops_data_and_returns_the_connections_credit()
    {
        using StreamSet server = Create(isServer: true);
        Assert.Null(server.OnStream(0, 0, new byte[300], false));
        server.StopSending(0, 1);
        Assert.Equal((0UL, 0L), (server.BufferedReceiveBytes, server.MemoryHeld));
        Assert.Equal(-1, server.Read(0, new byte[1], out _));
        Assert.Null(server.OnStream(0, 400, new byte[600], false));
        Assert.Equal((0UL, 0L), (server.BufferedReceiveBytes, server.MemoryHeld));
        Assert.Equal(QuicError.FlowControlError, server.OnStream(0, 1000, [1], false));   // its own window still holds
        Assert.Contains("StopSending 0 1", Frames(server));
    }

    private static TransportParameters Small() => new()
    {
        InitialMaxData = (5 * Window) / 2,
        InitialMaxStreamDataBidiLocal = Window,
        InitialMaxStreamDataBidiRemote = Window,
        InitialMaxStreamDataUni = Window,
        InitialMaxStreamsBidi = 100,
        InitialMaxStreamsUni = 100,
    };

    private static StreamSet Create(bool isServer)
    {
        var set = new StreamSet(isServer, Small());
        set.ApplyPeerParameters(Small());
        return set;
    }

    private static string[] Events(StreamSet set)
    {
        var events = new List<string>();
        while (set.TryPollEvent(out StreamEvent e))
            events.Add($"{e.Kind} {e.Id.Value}");
        return [.. events];
    }

    private static SentFrame[] Sent(StreamSet set, int room = 1200)
    {
        var writer = new FrameWriter(new byte[room]);
        var sent = default(SentFrameList);
        set.WriteFrames(ref writer, ref sent);
        SentFrame[] frames = sent.AsSpan().ToArray();
        sent.Release();
        return frames;
    }

    private static string[] Frames(StreamSet set, int room = 1200) => [.. Sent(set, room).Select(f =>
        f.Kind == SentFrameKind.Stream ? $"Stream {f.Id} {f.Offset}+{f.Length}" : $"{f.Kind} {f.Id} {f.Offset}")];
}
