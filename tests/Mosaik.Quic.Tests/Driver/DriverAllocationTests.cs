namespace Mosaik.Quic.Tests.Driver;

/// <summary>What an operation allocates in steady state, measured over the whole process: nothing else may run meanwhile.</summary>
[Collection(nameof(DriverAllocationTests))]
[CollectionDefinition(nameof(DriverAllocationTests), DisableParallelization = true)]
public sealed class DriverAllocationTests
{
    [Fact]
    public async Task A_round_trip_allocates_next_to_nothing()
    {
        await using var server = LoopbackTests.Bind(1);
        await using var client = LoopbackTests.Bind(2);
        var accepting = server.AcceptAsync();
        var connection = await client.ConnectAsync(server.LocalEndPoints[0], server.PublicKey, [LoopbackTests.Alpn]);
        var stream = await connection.OpenStreamAsync(QuicStreamDirection.Bidirectional);
        var serving = LoopbackTests.EchoAsync(await accepting);
        var buffer = new byte[64];
        const int Count = 2000;
        await RoundTripsAsync(stream, buffer, Count);
        GC.Collect();
        var before = GC.GetTotalAllocatedBytes(precise: true);
        await RoundTripsAsync(stream, buffer, Count);
        var perRoundTrip = (GC.GetTotalAllocatedBytes(precise: true) - before) / (double)Count;
        // Four operations, four continuations, about four packets. What is left is the runtime's own: timers, tiering.
        Assert.True(perRoundTrip < 200, $"{perRoundTrip} bytes per round trip");
        stream.CompleteWrites();
        await serving.WaitAsync(TimeSpan.FromSeconds(60));
    }

    private static async Task RoundTripsAsync(QuicStream stream, byte[] buffer, int count)
    {
        for (var i = 0; i < count; i++)
        {
            await stream.WriteAsync(buffer);
            for (var read = 0; read < buffer.Length;)
                read += await stream.ReadAsync(buffer.AsMemory(read));
        }
    }
}
