using Mosaik.Quic.Recovery;
using Mosaik.Quic.Streams;
using Mosaik.Quic.Tests.Wire;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Streams;

public sealed class CryptoStreamTests
{
    [Fact]
    public void A_large_message_crosses_loss_and_reordering()
    {
        for (ulong seed = 0; seed < 50; seed++)
        {
            var random = new SeededRandom(seed);
            using var sender = new CryptoStream();
            using var receiver = new CryptoStream();
            byte[] message = random.Bytes(5000);
            sender.Write(message);
            var read = new List<byte>();
            var flight = new List<(byte[] Payload, SentFrame[] Frames)>();
            while (!sender.IsAllAcknowledged)
            {
                var writer = new FrameWriter(new byte[30 + random.Below(1200)]);
                var sent = default(SentFrameList);
                bool pending = sender.HasPendingFrames;
                sender.WriteFrames(ref writer, ref sent);
                Assert.Equal(pending, sent.Count > 0);
                if (pending)
                    flight.Add((writer.WrittenSpan.ToArray(), sent.AsSpan().ToArray()));
                if (pending && random.Chance(0.5))
                    continue;
                (byte[] payload, SentFrame[] frames) = flight[random.Below(flight.Count)];
                bool lost = random.Chance(0.3);
                var reader = new FrameReader(payload, PacketType.Handshake, true);
                while (!lost && reader.TryRead(out Frame frame))
                    Assert.Null(receiver.OnCrypto(frame.Offset, frame.Data));
                foreach (SentFrame frame in frames)
                {
                    if (lost)
                        sender.OnLost(frame);
                    else
                        sender.OnAcknowledged(frame);
                }
                while (!receiver.Readable.IsEmpty)
                {
                    int count = Math.Min(receiver.Readable.Length, 1 + random.Below(700));
                    read.AddRange(receiver.Readable[..count]);
                    receiver.Advance(count);
                }
            }
            Assert.Equal(message, read);
            Assert.False(receiver.HasUnread);
            Assert.Equal((0, 0), (sender.MemoryHeld, receiver.MemoryHeld));
        }
    }

    [Fact]
    public void More_than_64_KiB_ahead_of_the_reader_is_refused()
    {
        using var stream = new CryptoStream();
        Assert.Null(stream.OnCrypto(StreamLimits.CryptoBuffer - 1, [1]));
        Assert.True(stream.HasUnread);
        Assert.Equal(QuicError.CryptoBufferExceeded, stream.OnCrypto(StreamLimits.CryptoBuffer, [1]));
        Assert.Equal(QuicError.CryptoBufferExceeded, stream.OnCrypto(VarInt.MaxValue - 5, [1]));
        Assert.Null(stream.OnCrypto(0, new byte[1000]));
        stream.Advance(1000);
        Assert.Null(stream.OnCrypto(StreamLimits.CryptoBuffer + 999, [1]));
        Assert.Equal(QuicError.CryptoBufferExceeded, stream.OnCrypto(StreamLimits.CryptoBuffer + 1000, [1]));
    }

    [Fact]
    public void Too_many_disjoint_ranges_are_a_protocol_violation()
    {
        using var stream = new CryptoStream();
        for (ulong i = 0; i < Reassembler.MaxRanges; i++)
            Assert.Null(stream.OnCrypto((2 * i) + 1, [1]));
        Assert.Equal(QuicError.ProtocolViolation, stream.OnCrypto(9999, [1]));
    }
}
