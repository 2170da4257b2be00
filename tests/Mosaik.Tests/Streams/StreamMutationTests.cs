using System.Text;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Streams;

namespace Mosaik.Tests.Streams;

/// <summary>The decoders of streams on hostile bytes: handshakes, and batches of datum frames.</summary>
public sealed class StreamMutationTests
{
    private static readonly StreamHandshake Handshake = new("my-app", "my-stream1");

    [Fact]
    public void The_handshake_is_that_of_the_specification()
    {
        var text = new StreamHandshake("my-app", "alloc::string::String");
        Assert.Equal(
            "e03989181c8f0a8f6d7dd41c2780886a44dce46ee9419d91d2c2b99851afd8113b5a1dd4d2c82bee28a22e983905ce688284518535f3a15c8bb1c4d2bc476908",
            Convert.ToHexStringLower(text.Encode()));
        Assert.True(StreamHandshake.TryDecode(text.Encode(), out var decoded));
        Assert.Equal(text, decoded);
    }

    [Fact]
    public void Mutated_handshakes_are_refused_exactly_when_they_are_too_short()
    {
        foreach (var bytes in Mutator.Mutate([.. Handshake.Encode(), 1, 2, 3], 100_000, seed: 1))
        {
            var accepted = StreamHandshake.TryDecode(bytes, out var decoded);
            Assert.Equal(bytes.Length >= StreamHandshake.Size, accepted);
            if (accepted)
                Assert.Equal(bytes[..StreamHandshake.Size], decoded.Encode());
        }
    }

    [Fact]
    public void Mutated_batches_of_datums_are_cut_as_their_lengths_say()
    {
        var frames = new DatumFramePool();
        var batch = new List<byte>();
        foreach (var text in new[] { "test", "", "hello", new string('x', 300), "again" })
        {
            var frame = frames.Rent();
            new PostcardDatumCodec<string>().Encode(text, frame);
            frame.Seal();
            batch.AddRange(frame.Bytes.Span);
            frame.Release();
        }

        var codec = new PostcardDatumCodec<string>();
        foreach (var bytes in Mutator.Mutate([.. batch], 100_000, seed: 2))
        {
            using var buffer = new FrameBuffer();
            var position = 0;
            var fed = 0;
            while (true)
            {
                var status = buffer.TryRead(1000, out var payload);
                if (status == FrameStatus.Complete)
                {
                    var length = (bytes[position] << 24) | (bytes[position + 1] << 16) | (bytes[position + 2] << 8) | bytes[position + 3];
                    Assert.Equal(bytes.AsSpan(position + 4, length), payload.Span);
                    if (codec.TryDecode(payload.Span, out var datum))
                        Assert.True(Encoding.UTF8.GetByteCount(datum) < payload.Length);
                    position += 4 + length;
                }
                else if (status == FrameStatus.TooLarge || fed == bytes.Length)
                {
                    break;
                }
                else
                {
                    var room = buffer.GetMemory().Span;
                    var count = Math.Min(room.Length, bytes.Length - fed);
                    bytes.AsSpan(fed, count).CopyTo(room);
                    buffer.Advance(count);
                    fed += count;
                }
            }
        }
    }
}
