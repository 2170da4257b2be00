using Mosaik.Quic.Recovery;
using Mosaik.Quic.Streams;
using Mosaik.Quic.Tests.Wire;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Streams;

/// <summary>No memory per packet once pools and rings are warm: sent, acknowledged, received, read.</summary>
public sealed class SteadyStateTests
{
    private const int InFlight = 64;
    private readonly byte[] _packet = new byte[1200];
    private readonly byte[] _data = new byte[64 * 1024];
    private readonly byte[] _read = new byte[64 * 1024];
    private readonly Queue<SentFrame> _unacknowledged = new();

    [Theory]
    [InlineData(1, false)]
    [InlineData(100, false)]
    [InlineData(1, true)]      // every eighth packet is lost: pieces, ranges and retransmission
    [InlineData(20, true)]
    public void A_bulk_transfer_allocates_nothing_per_packet(int streams, bool loss)
    {
        using var client = new StreamSet(isServer: false, TransportParametersTests.Profile());
        using var server = new StreamSet(isServer: true, TransportParametersTests.Profile());
        client.ApplyPeerParameters(TransportParametersTests.Profile());
        server.ApplyPeerParameters(TransportParametersTests.Profile());
        for (int i = 0; i < streams; i++)
            Assert.True(client.TryOpen(true, out _));
        Run(client, server, streams, loss, packets: 20_000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        long read = Run(client, server, streams, loss, packets: 20_000);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(read > 19_000_000, $"only {read} bytes arrived");
        Assert.Equal(0, allocated);
    }

    private long Run(StreamSet client, StreamSet server, int streams, bool loss, int packets)
    {
        long total = 0;
        for (int i = 0; i < packets; i++)
        {
            ulong id = (ulong)(i % streams) * 4;
            client.Write(id, _data.AsSpan(0, 1000));
            Send(client, server, lost: loss && i % 8 == 0);
            while (_unacknowledged.Count > InFlight)
                client.OnAcknowledged(_unacknowledged.Dequeue());
            if (i % 16 == 0)
            {
                for (ulong stream = 0; stream < (ulong)streams * 4; stream += 4)
                    total += Math.Max(0, server.Read(stream, _read, out _));
                while (server.HasPendingFrames)
                    Send(server, client, lost: false);
            }
            while (client.TryPollEvent(out _) || server.TryPollEvent(out _))
            {
            }
        }
        return total;
    }

    private void Send(StreamSet from, StreamSet to, bool lost)
    {
        var writer = new FrameWriter(_packet);
        var sent = default(SentFrameList);
        from.WriteFrames(ref writer, ref sent);
        if (!lost && FramePipe.Apply(to, writer.WrittenSpan, receiverIsServer: false) is not null && sent.Count > 0)
            throw new InvalidOperationException("refused");
        foreach (SentFrame frame in sent.AsSpan())
        {
            if (lost)
                from.OnLost(frame);
            else if (frame.Kind == SentFrameKind.Stream)
                _unacknowledged.Enqueue(frame);
            else
                from.OnAcknowledged(frame);
        }
        sent.Release();
    }
}
