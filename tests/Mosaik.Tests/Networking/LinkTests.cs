using System.Buffers;
using System.Buffers.Binary;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;

namespace Mosaik.Tests.Networking;

/// <summary>Links on the in-memory transport under virtual time (spec/wire.md §6).</summary>
public sealed class LinkTests : IDisposable
{
    private readonly LinkWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Messages_arrive_in_both_directions_and_the_lengths_are_told() => _world.Run(async () =>
    {
        var (client, server) = await _world.OpenAsync();
        Assert.Equal(3, await server.SendRawAsync("abc"u8.ToArray()));
        Assert.Equal("abc"u8.ToArray(), (await client.ReceiveAsync()).ToArray());
        Assert.Equal(0, await client.SendRawAsync(default));
        Assert.Equal(0, (await server.ReceiveAsync()).Length);
        var received = Text("xyz");
        Assert.Equal(3, await client.SendAsync("xyz", TextCodec.Instance));
        Assert.Equal(received, await server.ReceiveAsync(TextCodec.Instance));
        Assert.Equal(_world.Server.LocalId, client.RemoteId);
        Assert.Equal(WireProtocol.Ping.Alpn, server.Alpn);
        Assert.Equal(TimeSpan.FromMilliseconds(2), client.Rtt);
        Assert.False(client.IsCancelled);
    });

    [Fact]
    public void Several_messages_go_out_in_one_write_and_are_taken_without_waiting() => _world.Run(async () =>
    {
        var (client, server) = await _world.OpenAsync();
        ReadOnlyMemory<byte>[] batch = ["one"u8.ToArray(), "two"u8.ToArray(), "three"u8.ToArray()];
        Assert.Equal(11, await client.Sender.SendManyRawAsync(batch));
        Assert.Equal("one"u8.ToArray(), (await server.ReceiveAsync()).ToArray());
        Assert.True(server.Receiver.TryReceive(out var two));
        Assert.Equal("two"u8.ToArray(), two.ToArray());
        Assert.True(server.Receiver.TryReceive(out var three));
        Assert.Equal("three"u8.ToArray(), three.ToArray());
        Assert.False(server.Receiver.TryReceive(out _));
        await client.Sender.SendFramedAsync(new byte[] { 0, 0, 0, 1, 65, 0, 0, 0, 1, 66 }, 2);
        Assert.Equal("A"u8.ToArray(), (await server.ReceiveAsync()).ToArray());
        Assert.Equal("B"u8.ToArray(), (await server.ReceiveAsync()).ToArray());
    });

    [Fact]
    public void Frames_in_single_bytes_arrive_whole() => _world.Run(async () =>
    {
        _world.Net.MaxChunkBytes = 1;
        var (client, server) = await _world.OpenAsync();
        await client.SendRawAsync("split"u8.ToArray());
        Assert.Equal("split"u8.ToArray(), (await server.ReceiveAsync()).ToArray());
    });

    [Fact]
    public void The_limit_is_inclusive_and_one_more_byte_closes_with_400() => _world.Run(async () =>
    {
        var (client, server) = await _world.OpenAsync();
        server.Receiver.MaxPayload = 100;
        await client.SendRawAsync(new byte[100]);
        Assert.Equal(100, (await server.ReceiveAsync()).Length);
        await client.SendRawAsync(new byte[101]);
        var error = await Assert.ThrowsAsync<LinkException>(async () => await server.ReceiveAsync());
        Assert.Equal((LinkPhase.Receive, LinkErrorKind.FrameTooLarge), (error.Phase, error.Kind));
        await AssertClosedWith(client, CloseCode.ProtocolViolation);
    });

    [Theory]
    [InlineData(0xFFFFFFFF)]
    [InlineData(0x80000000)]
    [InlineData(256 * 1024 + 1)]
    public void A_hostile_claim_closes_with_400_before_anything_is_reserved(uint claim) => _world.Run(async () =>
    {
        var (client, server) = await _world.OpenAsync();
        var header = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(header, claim);
        await client.Sender.SendFramedAsync(header, 1);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var error = await Assert.ThrowsAsync<LinkException>(async () => await server.ReceiveAsync());
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200_000);
        Assert.Equal(LinkErrorKind.FrameTooLarge, error.Kind);
        await AssertClosedWith(client, CloseCode.ProtocolViolation);
    });

    [Fact]
    public void A_group_handshake_is_closed_with_30400() => _world.Run(async () =>
    {
        var (client, server) = await _world.OpenAsync(WireProtocol.Groups);
        await client.SendRawAsync("\xff"u8.ToArray());
        var error = await Assert.ThrowsAsync<LinkException>(async () => await server.ReceiveAsync(NumberCodec.Instance));
        Assert.Equal(LinkErrorKind.Decode, error.Kind);
        var cause = Assert.IsType<MosaikDecodeException>(error.InnerException);
        Assert.Equal("not four bytes", cause.Reason);
        await AssertClosedWith(client, CloseCode.InvalidHandshake);
    });

    [Fact]
    public void An_undecodable_message_closes_with_400() => _world.Run(async () =>
    {
        var (client, server) = await _world.OpenAsync();
        await client.SendRawAsync(new byte[3]);
        var error = await Assert.ThrowsAsync<LinkException>(async () => await server.ReceiveAsync(NumberCodec.Instance));
        Assert.Equal((LinkPhase.Receive, LinkErrorKind.Decode, (CloseCode?)null), (error.Phase, error.Kind, error.RemoteCode));
        Assert.False(error.IsTransient);
        await AssertClosedWith(client, CloseCode.ProtocolViolation);
    });

    [Fact]
    public void Trailing_bytes_are_ignored() => _world.Run(async () =>
    {
        var (client, server) = await _world.OpenAsync();
        await client.SendRawAsync(new byte[] { 0, 0, 0, 9, 1, 2, 3 });
        Assert.Equal(new Received<int>(9, 7), await server.ReceiveAsync(NumberCodec.Instance));
    });

    [Fact]
    public void A_message_that_cannot_be_encoded_leaves_the_link_open() => _world.Run(async () =>
    {
        var (client, server) = await _world.OpenAsync();
        var error = Assert.Throws<LinkException>(() => { _ = client.SendAsync(-1, NumberCodec.Instance); });
        Assert.Equal((LinkPhase.Send, LinkErrorKind.Encode), (error.Phase, error.Kind));
        await client.SendAsync(5, NumberCodec.Instance);
        Assert.Equal(5, (await server.ReceiveAsync(NumberCodec.Instance)).Value);
    });

    [Fact]
    public void A_message_above_the_own_limit_is_refused_before_a_byte_is_written() => _world.Run(async () =>
    {
        var (client, server) = await _world.OpenAsync();
        client.Sender.MaxPayload = 10;
        var error = Assert.Throws<LinkException>(() => { _ = client.SendRawAsync(new byte[11]); });
        Assert.Equal((LinkPhase.Send, LinkErrorKind.FrameTooLarge), (error.Phase, error.Kind));
        await client.SendRawAsync(new byte[10]);
        Assert.Equal(10, (await server.ReceiveAsync()).Length);
    });

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(6)]
    public void A_peer_that_finishes_without_closing_is_closed_with_103(int bytesOfAFrame) => _world.Run(async () =>
    {
        var (near, far) = await _world.ConnectAsync(WireProtocol.Ping);
        var stream = await near.OpenStreamAsync(TransportStreamDirection.Bidirectional);
        byte[] frames = [0, 0, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4];
        await stream.WriteAsync(frames.AsMemory(0, 4 + bytesOfAFrame), completeWrites: true);
        using var deadline = _world.Deadline(5);
        var server = await Link.AcceptAsync(_world.ServerContext, WireProtocol.Ping, far, deadline, default);
        Assert.Equal(0, (await server.ReceiveAsync()).Length);
        var error = await Assert.ThrowsAsync<LinkException>(async () => await server.ReceiveAsync());
        Assert.Equal(LinkErrorKind.UnexpectedClose, error.Kind);
        Assert.Equal(CloseCode.UnexpectedClose, (await near.WaitClosedAsync()).RemoteCode);
    });

    [Fact]
    public void A_peer_that_resets_its_stream_is_closed_with_103() => _world.Run(async () =>
    {
        var (near, far) = await _world.ConnectAsync(WireProtocol.Ping);
        var stream = await near.OpenStreamAsync(TransportStreamDirection.Bidirectional);
        await stream.WriteAsync(new byte[4]);
        using var deadline = _world.Deadline(5);
        var server = await Link.AcceptAsync(_world.ServerContext, WireProtocol.Ping, far, deadline, default);
        await server.ReceiveAsync();
        stream.Reset(new CloseCode(7));
        var error = await Assert.ThrowsAsync<LinkException>(async () => await server.ReceiveAsync());
        Assert.Equal(LinkErrorKind.UnexpectedClose, error.Kind);
        Assert.Equal(CloseCode.UnexpectedClose, (await near.WaitClosedAsync()).RemoteCode);
    });

    [Theory]
    [InlineData(TransportStreamDirection.Bidirectional, true)]
    [InlineData(TransportStreamDirection.Unidirectional, true)]
    [InlineData(TransportStreamDirection.Bidirectional, false)]
    [InlineData(TransportStreamDirection.Unidirectional, false)]
    public void A_second_stream_of_the_peer_closes_with_400(TransportStreamDirection direction, bool byOpener) =>
        _world.Run(async () =>
        {
            var (client, server) = await _world.OpenAsync();
            var (offender, victim) = byOpener ? (client, server) : (server, client);
            var second = await offender.Connection.OpenStreamAsync(direction);
            await second.WriteAsync(new byte[1]);
            var info = await offender.Connection.WaitClosedAsync();
            Assert.Equal((true, CloseCode.ProtocolViolation), (info.IsRemote, info.Code));
            await Assert.ThrowsAsync<LinkException>(async () => await victim.ReceiveAsync());
        });

    [Fact]
    public void A_wrong_protocol_closes_with_100() => _world.Run(async () =>
    {
        var (near, far) = await _world.ConnectAsync(WireProtocol.Streams);
        using var deadline = _world.Deadline(5);
        var error = await Assert.ThrowsAsync<LinkException>(async () =>
            await Link.AcceptAsync(_world.ServerContext, WireProtocol.Ping, far, deadline, default));
        Assert.Equal((LinkPhase.Accept, LinkErrorKind.InvalidAlpn), (error.Phase, error.Kind));
        Assert.Equal((WireProtocol.Ping.Alpn, WireProtocol.Streams.Alpn), (error.ExpectedAlpn, error.ReceivedAlpn));
        Assert.Equal(CloseCode.InvalidAlpn, (await near.WaitClosedAsync()).RemoteCode);
    });

    [Fact]
    public void An_old_name_of_the_protocol_is_accepted() => _world.Run(async () =>
    {
        var (near, far) = await _world.ConnectAsync(WireProtocol.Sync, "/mosaik/catalog-sync");
        var stream = await near.OpenStreamAsync(TransportStreamDirection.Bidirectional);
        await stream.WriteAsync(new byte[4]);
        using var deadline = _world.Deadline(5);
        var server = await Link.AcceptAsync(_world.ServerContext, WireProtocol.Sync, far, deadline, default);
        Assert.Equal(0, (await server.ReceiveAsync()).Length);
    });

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(101)]
    [InlineData(200)]
    [InlineData(204)]
    [InlineData(401)]
    [InlineData(10403)]
    [InlineData(30429)]
    [InlineData(987_654_321)]
    public void The_close_code_of_the_peer_comes_out_of_every_operation(long value) => _world.Run(async () =>
    {
        var code = new CloseCode((ulong)value);
        var (client, server) = await _world.OpenAsync();
        await server.CloseAsync(code);
        var received = await Assert.ThrowsAsync<LinkException>(async () => await client.ReceiveAsync());
        Assert.Equal((LinkPhase.Receive, LinkErrorKind.Io, code), (received.Phase, received.Kind, received.RemoteCode!.Value));
        var sent = await Assert.ThrowsAsync<LinkException>(async () => await client.SendRawAsync(new byte[1]));
        Assert.Equal((LinkPhase.Send, LinkErrorKind.Io, code), (sent.Phase, sent.Kind, sent.RemoteCode!.Value));
        var closed = await Assert.ThrowsAsync<LinkException>(async () => await client.CloseAsync(CloseCode.Success));
        Assert.Equal((LinkErrorKind.AlreadyClosed, code), (closed.Kind, closed.RemoteCode!.Value));
        await server.WaitClosedAsync(); // closed at this end: normally
        if (code == CloseCode.Success)
            await client.WaitClosedAsync();
        else
            await AssertClosedWith(client, code);
    });

    [Fact]
    public void Data_sent_before_a_close_is_received_before_it() => _world.Run(async () =>
    {
        var (client, server) = await _world.OpenAsync();
        await server.SendRawAsync("last words"u8.ToArray());
        await server.CloseAsync(CloseCode.GracefulShutdown);
        Assert.Equal("last words"u8.ToArray(), (await client.ReceiveAsync()).ToArray());
        var error = await Assert.ThrowsAsync<LinkException>(async () => await client.ReceiveAsync());
        Assert.Equal(CloseCode.GracefulShutdown, error.RemoteCode);
    });

    [Fact]
    public void Closing_waits_until_everything_is_acknowledged() => _world.Run(async () =>
    {
        _world.Net.Links.Default = _world.Net.Links.Default with
        {
            MinLatency = TimeSpan.FromMilliseconds(100),
            MaxLatency = TimeSpan.FromMilliseconds(100),
        };
        var (client, server) = await _world.OpenAsync();
        await server.SendRawAsync(new byte[10_000]);
        var before = _world.Scheduler.Now;
        await server.CloseAsync(CloseCode.Success);
        Assert.Equal(TimeSpan.FromMilliseconds(200), _world.Scheduler.Now - before);
        Assert.Equal(10_000, (await client.ReceiveAsync()).Length);
    });

    [Fact]
    public void Closing_waits_no_longer_than_a_second() => _world.Run(async () =>
    {
        var (client, server) = await _world.OpenAsync();
        var (near, far) = (_world.Client.LocalEndPoints[0].Address, _world.Server.LocalEndPoints[0].Address);
        _world.Net.Links.Block(far, near);
        await server.SendRawAsync(new byte[100]);
        var before = _world.Scheduler.Now;
        await server.CloseAsync(CloseCode.Success);
        Assert.Equal(TimeSpan.FromSeconds(1), _world.Scheduler.Now - before);
        Assert.Null(client.Connection.CloseInfo); // the close was lost with the rest
        await Assert.ThrowsAsync<LinkException>(async () => await client.WaitClosedAsync());
        Assert.Equal(TransportCloseKind.TimedOut, client.Connection.CloseInfo!.Kind);
    });

    [Fact]
    public void Aborting_does_not_wait() => _world.Run(async () =>
    {
        var (client, server) = await _world.OpenAsync();
        await server.SendRawAsync(new byte[1_000]);
        var before = _world.Scheduler.Now;
        server.Abort(CloseCode.TooSlow);
        server.Abort(CloseCode.Success); // the first one counts
        await server.WaitClosedAsync();
        Assert.Equal(before, _world.Scheduler.Now);
        await AssertClosedWith(client, CloseCode.TooSlow);
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Cancelling_an_operation_closes_with_102(bool receiving) => _world.Run(async () =>
    {
        var (client, server) = await _world.OpenAsync();
        using var cancel = new CancellationTokenSource();
        Task operation = receiving
            ? client.ReceiveAsync(cancel.Token).AsTask()
            : client.SendRawAsync(new byte[3_000_000], cancel.Token).AsTask(); // beyond window and buffer: waits
        await Delay(0.5);
        Assert.False(operation.IsCompleted);
        cancel.Cancel();
        var error = await Assert.ThrowsAsync<OperationCanceledException>(() => operation);
        Assert.Equal(cancel.Token, error.CancellationToken);
        await AssertClosedWith(server, CloseCode.Cancelled);
        await client.WaitClosedAsync();
    });

    [Fact]
    public void The_owner_cancels_with_102_and_its_token_is_named() => _world.Run(async () =>
    {
        using var owner = new CancellationTokenSource();
        var (client, server) = await _world.OpenAsync(clientOwner: owner.Token);
        var receiving = client.ReceiveAsync().AsTask();
        owner.Cancel();
        var error = await Assert.ThrowsAsync<OperationCanceledException>(() => receiving);
        Assert.Equal(owner.Token, error.CancellationToken);
        Assert.True(client.IsCancelled);
        await client.WaitClosedAsync();
        await AssertClosedWith(server, CloseCode.Cancelled);
    });

    [Fact]
    public void A_stopping_node_is_told_as_such() => _world.Run(async () =>
    {
        var (client, _) = await _world.OpenAsync(clientOwner: _world.ClientContext.Termination);
        var receiving = client.ReceiveAsync().AsTask();
        _world.Termination.Cancel();
        await Assert.ThrowsAsync<NetworkClosedException>(() => receiving);
    });

    [Fact]
    public void A_replaced_owner_has_nothing_to_say() => _world.Run(async () =>
    {
        using var first = new CancellationTokenSource();
        using var second = new CancellationTokenSource();
        var (client, server) = await _world.OpenAsync(clientOwner: first.Token);
        client.ReplaceCancellation(second.Token);
        first.Cancel();
        Assert.False(client.IsCancelled);
        await client.SendRawAsync("still here"u8.ToArray());
        Assert.Equal("still here"u8.ToArray(), (await server.ReceiveAsync()).ToArray());
        second.Cancel();
        Assert.True(client.IsCancelled);
        await AssertClosedWith(server, CloseCode.Cancelled);
    });

    [Fact]
    public void An_owner_that_has_cancelled_before_ends_the_link_at_once() => _world.Run(async () =>
    {
        var (near, far) = await _world.ConnectAsync(WireProtocol.Ping);
        var client = await Link.OpenAsync(
            _world.ClientContext, WireProtocol.Ping, near, new CancellationToken(true), default);
        Assert.True(client.IsCancelled);
        Assert.Equal(CloseCode.Cancelled, (await far.WaitClosedAsync()).RemoteCode);
    });

    [Theory]
    [InlineData(null, 102)]
    [InlineData(30408, 30408)]
    public void An_expired_deadline_is_a_timeout_and_closes_with_its_code(int? code, int expected) => _world.Run(async () =>
    {
        var (client, server) = await _world.OpenAsync();
        using var deadline = _world.Deadline(3, code: code is { } c ? new CloseCode((ulong)c) : null);
        var before = _world.Scheduler.Now;
        var error = await Assert.ThrowsAsync<MosaikTimeoutException>(async () => await client.ReceiveAsync(deadline));
        Assert.Equal(TimeSpan.FromSeconds(3), _world.Scheduler.Now - before);
        Assert.Equal(TimeSpan.FromSeconds(3), error.Limit);
        Assert.True(error.IsTransient);
        await AssertClosedWith(server, new CloseCode((ulong)expected));
    });

    [Fact]
    public void The_callers_cancellation_inside_a_deadline_is_a_cancellation() => _world.Run(async () =>
    {
        var (client, server) = await _world.OpenAsync();
        using var cancel = new CancellationTokenSource();
        using var deadline = _world.Deadline(3, caller: cancel.Token);
        var receiving = client.ReceiveAsync(deadline).AsTask();
        cancel.Cancel();
        var error = await Assert.ThrowsAsync<OperationCanceledException>(() => receiving);
        Assert.Equal(cancel.Token, error.CancellationToken);
        await AssertClosedWith(server, CloseCode.Cancelled);
    });

    [Fact]
    public void A_silent_opener_is_closed_when_the_deadline_of_accepting_expires() => _world.Run(async () =>
    {
        var (near, far) = await _world.ConnectAsync(WireProtocol.Groups);
        await near.OpenStreamAsync(TransportStreamDirection.Bidirectional); // and not a byte
        using var deadline = _world.Deadline(2);
        await Assert.ThrowsAsync<MosaikTimeoutException>(async () =>
            await Link.AcceptAsync(_world.ServerContext, WireProtocol.Groups, far, deadline, default));
        Assert.Equal(CloseCode.Timeout, (await near.WaitClosedAsync()).RemoteCode);
    });

    [Fact]
    public void Progress_keeps_a_step_alive_and_its_lack_ends_it() => _world.Run(async () =>
    {
        var (client, server) = await _world.OpenAsync(WireProtocol.Sync);
        async Task Trickle()
        {
            var frame = new byte[4 + 200_000];
            BinaryPrimitives.WriteUInt32BigEndian(frame, 200_000);
            for (var at = 0; at < 100_000; at += 20_000)
            {
                await Delay(9);
                await client.Sender.SendFramedAsync(frame.AsMemory(at, 20_000), 0);
            }
        }

        var trickling = Trickle();
        using var deadline = _world.Deadline(60, stall: 10);
        var before = _world.Scheduler.Now;
        var error = await Assert.ThrowsAsync<MosaikTimeoutException>(async () => await server.ReceiveAsync(deadline));
        Assert.Equal(TimeSpan.FromSeconds(10), error.Limit);
        Assert.Equal(55, (_world.Scheduler.Now - before).TotalSeconds, 0.1); // five times 9 s, then 10 s of silence
        await trickling;
    }, 120);

    [Fact]
    public void Halves_come_apart_and_together() => _world.Run(async () =>
    {
        var (client, server) = await _world.OpenAsync();
        var (otherClient, _) = await _world.OpenAsync();
        var (sender, receiver) = client.Split();
        await server.SendRawAsync("to the receiver"u8.ToArray());
        await sender.SendRawAsync("from the sender"u8.ToArray());
        Assert.Equal("to the receiver"u8.ToArray(), (await receiver.ReceiveAsync()).ToArray());
        Assert.Equal("from the sender"u8.ToArray(), (await server.ReceiveAsync()).ToArray());
        Assert.Throws<ArgumentException>(() => Link.Join(sender, otherClient.Receiver));
        var joined = Link.Join(sender, receiver);
        await joined.CloseAsync(CloseCode.Success);
        await server.WaitClosedAsync();
    });

    [Fact]
    public void Each_half_has_one_user_at_a_time() => _world.Run(async () =>
    {
        var (client, server) = await _world.OpenAsync();
        var receiving = client.ReceiveAsync().AsTask();
        Assert.Throws<InvalidOperationException>(() => { _ = client.ReceiveAsync(); });
        var sending = client.SendRawAsync(new byte[3_000_000]).AsTask();
        Assert.Throws<InvalidOperationException>(() => { _ = client.SendRawAsync(new byte[1]); });
        server.Abort(CloseCode.Success);
        await Assert.ThrowsAsync<LinkException>(() => receiving);
        await Assert.ThrowsAsync<LinkException>(() => sending);
    });

    [Fact]
    public void Both_ends_export_the_same_secret_and_other_connections_another() => _world.Run(async () =>
    {
        var (client, server) = await _world.OpenAsync();
        var (other, _) = await _world.OpenAsync();
        byte[] a = new byte[32], b = new byte[32], c = new byte[32], d = new byte[32];
        client.ExportKeyingMaterial("label"u8, a);
        server.ExportKeyingMaterial("label"u8, b);
        other.ExportKeyingMaterial("label"u8, c);
        client.ExportKeyingMaterial("other label"u8, d);
        Assert.Equal(a, b);
        Assert.NotEqual(a, c);
        Assert.NotEqual(a, d);
        Assert.Throws<ArgumentException>(() => client.ExportKeyingMaterial(default, a));
        Assert.Throws<ArgumentException>(() => client.ExportKeyingMaterial(new byte[250], a));
        Assert.Throws<ArgumentException>(() => client.ExportKeyingMaterial("label"u8, new byte[31]));
    });

    [Fact]
    public void Round_trips_are_sampled_at_most_every_250_ms() => _world.Run(async () =>
    {
        var samples = 0;
        _world.ServerContext.RttObserver = (peer, rtt) =>
        {
            Assert.Equal((_world.Client.LocalId, TimeSpan.FromMilliseconds(2)), (peer, rtt));
            samples++;
        };
        var (client, server) = await _world.OpenAsync();
        for (var i = 0; i < 100; i++)
        {
            await client.SendRawAsync(new byte[1]);
            await server.ReceiveAsync();
            await Delay(0.01);
        }

        Assert.InRange(samples, 4, 6); // 1.1 s
    });

    [Fact]
    public void Disposing_closes_with_102_unless_it_is_closed() => _world.Run(async () =>
    {
        var (client, server) = await _world.OpenAsync();
        await client.DisposeAsync();
        await AssertClosedWith(server, CloseCode.Cancelled);
        await server.DisposeAsync();
        Assert.Equal(0, _world.Net.OpenConnections);
    });

    [Fact]
    public void Nothing_is_left_behind()
    {
        _world.Run(async () =>
        {
            using var owner = new CancellationTokenSource();
            for (var i = 0; i < 20; i++)
            {
                var (client, server) = await _world.OpenAsync(clientOwner: owner.Token);
                await client.CloseAsync(CloseCode.Success);
                await server.WaitClosedAsync();
                await server.DisposeAsync();
                await client.DisposeAsync();
            }
        });
        _world.Scheduler.RunFor(TimeSpan.FromMinutes(2));
        Assert.Equal(0, _world.Net.OpenConnections);
        Assert.Equal(0, _world.Scheduler.PendingTimers);
    }

    private static Received<string> Text(string value) => new(value, value.Length);

    private static async Task AssertClosedWith(Link link, CloseCode code)
    {
        var error = await Assert.ThrowsAsync<LinkException>(async () => await link.WaitClosedAsync());
        Assert.Equal(code, error.RemoteCode);
    }

    private async Task Delay(double seconds) => await Task.Delay(TimeSpan.FromSeconds(seconds), _world.Scheduler.TimeProvider);

    private sealed class NumberCodec : IFrameCodec<int>
    {
        public static NumberCodec Instance { get; } = new();

        public void Encode(int value, IBufferWriter<byte> destination)
        {
            destination.Write<byte>([0]); // partial output of a failure must not be sent
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            var rest = new byte[3];
            rest[2] = (byte)value;
            destination.Write(rest);
        }

        public bool TryDecode(ReadOnlySpan<byte> payload, out int value, out DecodeError error)
        {
            error = new DecodeError("not four bytes", 0);
            return BinaryPrimitives.TryReadInt32BigEndian(payload, out value);
        }
    }

    private sealed class TextCodec : IFrameCodec<string>
    {
        public static TextCodec Instance { get; } = new();

        public void Encode(string value, IBufferWriter<byte> destination) =>
            destination.Write(System.Text.Encoding.UTF8.GetBytes(value));

        public bool TryDecode(
            ReadOnlySpan<byte> payload, [System.Diagnostics.CodeAnalysis.MaybeNullWhen(false)] out string value, out DecodeError error)
        {
            value = System.Text.Encoding.UTF8.GetString(payload);
            error = default;
            return true;
        }
    }
}
