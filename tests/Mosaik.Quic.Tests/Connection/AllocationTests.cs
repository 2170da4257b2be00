using System.Diagnostics;
using Mosaik.Quic.Connection;
using Mosaik.Quic.Streams;

namespace Mosaik.Quic.Tests.Connection;

public sealed class AllocationTests(ITestOutputHelper output)
{
    [Fact]
    public void Bulk_transfer_allocates_nothing_per_packet()
    {
        using var pair = new DirectPair();
        QuicConnectionCore client = pair.Connect();
        pair.RunUntilConfirmed(client);
        Assert.True(client.TryOpenStream(bidirectional: true, out StreamId id));
        byte[] chunk = new byte[65_536];
        byte[] sink = new byte[65_536];
        long received = 0;
        bool writable = true;
        pair.OnEvent = (core, e) =>
        {
            if (e.Kind != ConnectionEventKind.Stream)
                return;
            if (e.Stream.Kind == StreamEventKind.Writable)
                writable = true;
            if (e.Stream.Kind == StreamEventKind.Readable)
            {
                int n;
                while ((n = core.Read(e.Stream.Id, sink, out _)) > 0)
                    received += n;
            }
        };
        void Transfer(long bytes)
        {
            long target = received + bytes;
            for (int i = 0; received < target; i++)
            {
                if (i > 1_000_000)
                    Assert.Fail("no progress");
                while (writable)
                    writable = client.Write(id, chunk) == chunk.Length;
                pair.Step();
            }
        }

        Transfer(150_000_000);
        long packets = pair.Packets;
        long before = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        Transfer(30_000_000);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        packets = pair.Packets - packets;
        output.WriteLine($"{allocated} bytes allocated for {packets} packets, {30 / seconds:F0} MB/s for both ends on one core");
        Assert.InRange(packets, 20_000, 100_000);
        // A few dozen bytes per batch may come from a JIT that does not optimise; a single byte per packet may not.
        Assert.InRange(allocated, 0, packets);
    }
}
