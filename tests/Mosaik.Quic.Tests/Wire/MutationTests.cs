using Mosaik.Quic.Tests.Traces;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Wire;

/// <summary>
/// 100,000 mutated inputs per decoder: no exception, no more memory than four times the input (plus the result object),
/// and what is accepted has the properties the rest of the stack relies on.
/// </summary>
public sealed class MutationTests
{
    private const int Rounds = 100_000;
    private const int ResultObject = 512;   // one TransportParameters with its token

    [Fact]
    public void Packet_headers()
    {
        byte[][] corpus = [.. TraceFile.All.SelectMany(t => t.Datagrams.Take(20)).Select(d => d.Bytes),
            Convert.FromHexString("ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba"),
            Convert.FromHexString("aa00000000080102030405060708080102030405060708000000010a1a2a3a")];
        Run(corpus, seed: 1, extra: 0, static input =>
        {
            int offset = 0;
            while (offset < input.Length && PacketHeader.TryParse(input, offset, out PacketHeader header))
            {
                Check(header.Start == offset && header.End > offset && header.End <= input.Length);
                Check(header.TokenRange.Offset + header.TokenRange.Length <= header.End);
                Check(!header.IsProtected || (header.PacketNumberOffset > offset && header.PacketNumberOffset <= header.End));
                offset = header.End;
            }
        });
    }

    [Fact]
    public void Frames()
    {
        byte[][] corpus = [.. TraceFile.All.SelectMany(t => t.Datagrams.Take(12)).SelectMany(d => d.Packets).Select(p => p.Payload),
            Convert.FromHexString("0340640501020003404102030d043c01021001ffffffffffffffff18050208" + new string('7', 48))];
        Run(corpus, seed: 2, extra: 0, static input =>
        {
            var reader = new FrameReader(input, PacketType.OneRtt, receiverIsServer: false);
            int frames = 0;
            while (reader.TryRead(out Frame frame))
            {
                frames++;
                Check(frame.Offset + (ulong)frame.Data.Length <= VarInt.MaxValue || frame.Type
                    is not (FrameType.Stream or FrameType.Crypto));
                if (frame.Type is not (FrameType.Ack or FrameType.AckEcn))
                    continue;
                int ranges = 0;
                ulong below = ulong.MaxValue;
                foreach (PacketNumberRange range in frame.AckRanges)
                {
                    Check(range.Smallest <= range.Largest && range.Largest < below);
                    below = range.Smallest;
                    ranges++;
                }
                Check(ranges == frame.AckRangeCount);
            }
            Check(frames <= input.Length && (reader.Error is not null || frames > 0));
        });
    }

    [Fact]
    public void Transport_parameters()
    {
        byte[][] corpus = [.. TraceFile.All.SelectMany(t => new[] { t.TransportParameters.Client, t.TransportParameters.Server }),
            [], [.. Enumerable.Range(0x20, 0x1f).SelectMany(i => new byte[] { (byte)i, 0 })]];
        Run(corpus, seed: 3, extra: ResultObject, static input =>
        {
            TransportParameters? parameters = TransportParameters.TryParse(input, out string? reason);
            Check(parameters is null == reason is not null);
            Check(parameters is null || (parameters.MaxUdpPayloadSize >= 1200 && parameters.AckDelayExponent <= 20
                && parameters.MaxAckDelayMilliseconds < 1 << 14 && parameters.ActiveConnectionIdLimit >= 2));
        });
    }

    private static void Run(byte[][] corpus, ulong seed, int extra, Action<byte[]> decode)
    {
        var random = new SeededRandom(seed);
        foreach (byte[] input in corpus)
            decode(input);
        for (int round = 0; round < Rounds; round++)
        {
            byte[] input = Mutator.Mutate(corpus, random);
            long before = GC.GetAllocatedBytesForCurrentThread();
            decode(input);
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            if (allocated > 4 * input.Length + extra)
                Assert.Fail($"{allocated} bytes for {input.Length} of input {Convert.ToHexStringLower(input)}");
        }
    }

    private static void Check(bool condition)
    {
        if (!condition)
            Assert.Fail("a decoded value breaks its promise");
    }
}
