using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;
using Mosaik.Streams;
using Mosaik.Tests.Discovery;
using Mosaik.Tests.Networking;

namespace Mosaik.Tests.Streams;

/// <summary>A consumer against a producer that breaks the rules, byte by byte (spec/streams.md §2.2, §8.6, §9.3).</summary>
public sealed class StreamProducerPeerTests : IDisposable
{
    private static readonly StreamId Stream = "tests.stream";
    private readonly StreamWorld _world = new();
    private readonly ListLogger _log = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData("other", "tests.stream", 101), InlineData(null, "another", 10404)]
    public void A_wrong_StartStream_is_terminal(string? network, string stream, ulong code) => _world.Run(async () =>
    {
        var (consumer, raw) = await ConsumerAsync();
        var (connection, bytes) = await raw.AcceptAsync();
        var channel = consumer.Producers[0];
        await bytes.WriteAsync(RawStreamPeer.Handshake(network is null ? _world.Id : network, stream));
        Assert.Equal(new CloseCode(code), (await _world.WithinAsync(connection.WaitClosedAsync())).RemoteCode);
        await _world.WithinAsync(new ValueTask(channel.Disconnected));
        Assert.Equal(new CloseCode(code), channel.CloseReason);
        Assert.Empty(consumer.Producers);

        // The slow schedule: after 5 s, ± 20 %, and not visible before it is connected.
        var before = _world.Now;
        var (_, again) = await raw.AcceptAsync();
        Assert.InRange((_world.Now - before).TotalSeconds, 3.9, 6.1);
        Assert.Empty(consumer.Producers);
        await again.WriteAsync(RawStreamPeer.Handshake(_world.Id, Stream));
        await _world.WithinAsync(consumer.When.Subscribed().WaitAsync());
    });

    [Fact]
    public void A_missing_StartStream_is_102_after_5_seconds_and_recoverable() => _world.Run(async () =>
    {
        var (consumer, raw) = await ConsumerAsync();
        var (connection, _) = await raw.AcceptAsync();
        var before = _world.Now;
        Assert.Equal(CloseCode.Cancelled, (await _world.WithinAsync(connection.WaitClosedAsync(), 10)).RemoteCode);
        Assert.InRange((_world.Now - before).TotalSeconds, 4.9, 5.1);
        Assert.Equal(ChannelState.Connecting, Assert.Single(consumer.Producers).State);
        await raw.AcceptAsync(1);
    });

    [Fact]
    public void A_datum_that_cannot_be_decoded_is_400_and_terminal_and_what_came_before_stays() => _world.Run(async () =>
    {
        var (consumer, raw) = await ConsumerAsync();
        var (connection, bytes) = await StartAsync(raw);
        await bytes.WriteAsync(RawPeer.Frame("\x04test"u8));
        await bytes.WriteAsync(RawPeer.Frame([5, 0xff]));
        Assert.Equal(CloseCode.ProtocolViolation, (await _world.WithinAsync(connection.WaitClosedAsync())).RemoteCode);
        await _world.UntilAsync(() => consumer.Producers.Count == 0, 1, "terminated");
        Assert.Equal(["test"], await _world.TakeAsync(consumer, 1));
        Assert.Single(_log.Lines, l => l.Id == 3013);
    });

    [Fact]
    public void A_datum_above_the_limit_is_400_before_it_is_read() => _world.Run(async () =>
    {
        var (consumer, raw) = await ConsumerAsync(new ConsumerOptions<string> { StreamId = Stream, MaxDatumBytes = 100 });
        var (connection, bytes) = await StartAsync(raw);
        await bytes.WriteAsync(RawPeer.Frame([99, .. new byte[99]]));
        await bytes.WriteAsync(new byte[] { 0, 0, 0, 101 });
        Assert.Equal(CloseCode.ProtocolViolation, (await _world.WithinAsync(connection.WaitClosedAsync())).RemoteCode);
        Assert.Single(await _world.TakeAsync(consumer, 1));
    });

    [Fact]
    public void A_stream_that_ends_without_a_close_is_103_and_recoverable() => _world.Run(async () =>
    {
        var (consumer, raw) = await ConsumerAsync();
        var (connection, bytes) = await StartAsync(raw);
        await bytes.WriteAsync(RawPeer.Frame("\x04test"u8), completeWrites: true);
        Assert.Equal(CloseCode.UnexpectedClose, (await _world.WithinAsync(connection.WaitClosedAsync())).RemoteCode);
        Assert.Equal(["test"], await _world.TakeAsync(consumer, 1));
        await _world.UntilAsync(() => !consumer.IsOnline, 1, "offline while it reconnects");
        Assert.Equal(ChannelState.Connecting, Assert.Single(consumer.Producers).State);
        await StartAsync(raw, 1);
        Assert.Equal(1, Assert.Single(consumer.Producers).Datums); // totals survive a reconnect
    });

    [Fact]
    public void A_producer_that_closes_in_mid_frame_delivers_nothing_of_it() => _world.Run(async () =>
    {
        var (consumer, raw) = await ConsumerAsync();
        var (connection, bytes) = await StartAsync(raw);
        await bytes.WriteAsync(RawPeer.Frame("\x04test"u8).AsMemory(0, 7));
        await _world.DelayAsync(0.1);
        await connection.CloseAsync(CloseCode.GracefulShutdown, "");
        await _world.UntilAsync(() => consumer.Producers.Count == 0, 1, "204 is terminal");
        Assert.False(consumer.TryRead(out _));
    });

    [Fact]
    public void Many_frames_in_single_bytes_arrive() => _world.Run(async () =>
    {
        _world.Transports.MaxChunkBytes = 1;
        var (consumer, raw) = await ConsumerAsync();
        var (_, bytes) = await StartAsync(raw);
        for (var i = 0; i < 20; i++)
            await bytes.WriteAsync(RawPeer.Frame([1, (byte)('a' + i)]));
        Assert.Equal("abcdefghijklmnopqrst", string.Concat(await _world.TakeAsync(consumer, 20)));
    });

    [Fact]
    public void A_codec_that_throws_ends_the_connection_and_not_the_consumer() => _world.Run(async () =>
    {
        var (consumer, raw) = await ConsumerAsync(new ConsumerOptions<string> { StreamId = Stream, Codec = new ThrowingCodec() });
        var (connection, bytes) = await StartAsync(raw);
        await bytes.WriteAsync(RawPeer.Frame([1]));
        Assert.Equal(CloseCode.ProtocolViolation, (await _world.WithinAsync(connection.WaitClosedAsync())).RemoteCode);
        await raw.AcceptAsync();
        await consumer.DisposeAsync();
    });

    [Fact]
    public void A_backoff_that_throws_leaves_the_slow_schedule() => _world.Run(async () =>
    {
        var (consumer, raw) = await ConsumerAsync(
            new ConsumerOptions<string> { StreamId = Stream, Backoff = () => throw new FormatException("no") });
        var (connection, _) = await StartAsync(raw);
        await connection.CloseAsync(CloseCode.TooSlow, "");
        await StartAsync(raw, 1);
        await consumer.DisposeAsync();
    });

    [Fact]
    public void Repeated_failures_are_told_once_per_series() => _world.Run(async () =>
    {
        var (_, raw) = await ConsumerAsync();
        for (var i = 0; i < 4; i++)
            await (await raw.AcceptAsync()).Connection.CloseAsync(CloseCode.TooSlow, "");
        await _world.DelayAsync(0.1);
        Assert.Equal(4, _log.Lines.Count(l => l.Id == 3012));
        Assert.Single(_log.Lines, l => l is { Id: 3012, Level: Microsoft.Extensions.Logging.LogLevel.Information });
    });

    private async Task<(Consumer<string> Consumer, RawStreamPeer Raw)> ConsumerAsync(ConsumerOptions<string>? options = null)
    {
        var node = await _world.StartAsync(log: _log);
        var raw = new RawStreamPeer(_world);
        await raw.IntroduceAsync(node, Stream);
        return (node.Streams.Consume(options ?? new ConsumerOptions<string> { StreamId = Stream }), raw);
    }

    private async Task<(ITransportConnection Connection, ITransportStream Stream)> StartAsync(
        RawStreamPeer raw, double seconds = 20)
    {
        var (connection, stream) = await raw.AcceptAsync(seconds);
        await stream.WriteAsync(RawStreamPeer.Handshake(_world.Id, Stream));
        return (connection, stream);
    }

    private sealed class ThrowingCodec : IDatumCodec<string>
    {
        public void Encode(string datum, System.Buffers.IBufferWriter<byte> writer) => throw new FormatException("no");

        public bool TryDecode(ReadOnlySpan<byte> payload, out string datum) => throw new FormatException("no");
    }
}
