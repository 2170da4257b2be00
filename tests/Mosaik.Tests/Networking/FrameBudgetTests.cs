using System.Buffers.Binary;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;

namespace Mosaik.Tests.Networking;

/// <summary>The memory for large frames (spec/reliability.md LEN-8).</summary>
public sealed class FrameBudgetTests : IDisposable
{
    private static readonly PeerId[] Peers = [.. Enumerable.Range(0, 5).Select(i => LinkWorld.Key(i).PeerId)];
    private readonly LinkWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Permits_are_granted_in_order_and_given_back() => _world.Run(async () =>
    {
        var budget = new FrameBudget(100, _world.Scheduler);
        var first = await budget.AcquireAsync(Peers[0], 60, default);
        var large = budget.AcquireAsync(Peers[1], 50, default).AsTask();
        var small = budget.AcquireAsync(Peers[2], 10, default).AsTask();
        Assert.False(large.IsCompleted);
        Assert.False(small.IsCompleted); // would fit, but does not overtake
        first.Dispose();
        first.Dispose();
        (await large).Dispose();
        (await small).Dispose();
        Assert.Equal(100, budget.Available);
    });

    [Fact]
    public void A_peer_has_one_permit_and_holds_up_nobody_else() => _world.Run(async () =>
    {
        var budget = new FrameBudget(100, _world.Scheduler);
        var first = await budget.AcquireAsync(Peers[0], 10, default);
        var second = budget.AcquireAsync(Peers[0], 10, default).AsTask();
        var other = await budget.AcquireAsync(Peers[1], 10, default);
        Assert.False(second.IsCompleted);
        first.Dispose();
        (await second).Dispose();
        other.Dispose();
        Assert.Equal(100, budget.Available);
    });

    [Fact]
    public void A_cancelled_request_takes_nothing_and_lets_the_next_one_pass() => _world.Run(async () =>
    {
        var budget = new FrameBudget(100, _world.Scheduler);
        using var cancel = new CancellationTokenSource();
        var first = await budget.AcquireAsync(Peers[0], 60, default);
        var large = budget.AcquireAsync(Peers[1], 50, cancel.Token).AsTask();
        var small = budget.AcquireAsync(Peers[2], 40, default).AsTask();
        cancel.Cancel();
        await Assert.ThrowsAsync<OperationCanceledException>(() => large);
        (await small).Dispose();
        first.Dispose();
        Assert.Equal(100, budget.Available);
    });

    [Fact]
    public void A_large_frame_waits_for_its_permit_with_at_most_a_megabyte_read() => _world.Run(async () =>
    {
        const int Claim = 3 * 1024 * 1024;
        var (client, server) = await _world.OpenAsync(WireProtocol.Sync);
        var budget = _world.ServerContext.BudgetOf(WireProtocol.Sync)!;
        var blocker = await budget.AcquireAsync(Peers[4], budget.Capacity, default);
        var sending = client.SendRawAsync(new byte[Claim]).AsTask();
        var receiving = server.ReceiveAsync().AsTask();
        await Delay(20);
        Assert.False(receiving.IsCompleted);
        Assert.False(sending.IsCompleted); // the peer is paused: a window, a buffer, and what was read
        blocker.Dispose();
        Assert.Equal(Claim, (await receiving).Length);
        await sending;
        Assert.Equal(budget.Capacity - Claim, budget.Available);
        await client.SendRawAsync(new byte[1]);
        await server.ReceiveAsync();
        Assert.Equal(budget.Capacity, budget.Available); // ends with the frame
    });

    [Fact]
    public void A_permit_without_progress_ends_with_its_link() => _world.Run(async () =>
    {
        var (client, server) = await _world.OpenAsync(WireProtocol.Streams);
        server.Receiver.MaxPayload = 64 * 1024 * 1024;
        var frame = new byte[4 + (2 * 1024 * 1024)];
        BinaryPrimitives.WriteUInt32BigEndian(frame, 3 * 1024 * 1024);
        var receiving = server.ReceiveAsync().AsTask();
        await client.Sender.SendFramedAsync(frame, 1);
        var error = await Assert.ThrowsAsync<MosaikTimeoutException>(() => receiving);
        Assert.Equal(TimeSpan.FromSeconds(10), error.Limit);
        var closed = await client.Connection.WaitClosedAsync();
        Assert.Equal((TransportCloseKind.Application, CloseCode.Cancelled), (closed.Kind, closed.Code));
        await server.DisposeAsync();
        var budget = _world.ServerContext.BudgetOf(WireProtocol.Streams)!;
        Assert.Equal(budget.Capacity, budget.Available);
    });

    private async Task Delay(double seconds) => await Task.Delay(TimeSpan.FromSeconds(seconds), _world.Scheduler.TimeProvider);
}
