using System.Buffers;
using System.Buffers.Binary;
using CsCheck;
using Mosaik.Networking;

namespace Mosaik.Tests.Networking;

/// <summary>Frames: vectors, boundaries, hostile bytes (spec/wire.md §6.2; spec/reliability.md LEN-1, LEN-2, §14).</summary>
public sealed class FrameTests
{
    public static TheoryData<string> Frames =>
        [.. VectorFile.Load("wire.json").Of("frame").Select(v => v.Name)];

    [Theory, MemberData(nameof(Frames))]
    public void Frames_match_the_vectors_in_both_directions(string name)
    {
        var vector = VectorFile.Load("wire.json")[name];
        using var writer = new FrameWriter();
        writer.Begin();
        writer.Write(vector.Bytes("payload"));
        Assert.True(writer.TryEnd(int.MaxValue, out var length));
        Assert.Equal(vector.Bytes("payload").Length, length);
        Assert.Equal(vector.Expected, writer.Written.ToArray());

        using var buffer = new FrameBuffer();
        Feed(buffer, vector.Expected);
        Assert.Equal(FrameStatus.Complete, buffer.TryRead(int.MaxValue, out var payload));
        Assert.Equal(vector.Bytes("payload"), payload.ToArray());
        Assert.Equal(0, buffer.Buffered);
    }

    [Fact]
    public void A_header_split_into_single_bytes_is_put_together()
    {
        using var buffer = new FrameBuffer();
        byte[] frame = [0, 0, 0, 2, 7, 8];
        for (var i = 0; i < frame.Length - 1; i++)
        {
            Feed(buffer, frame.AsSpan(i, 1));
            Assert.Equal(FrameStatus.Incomplete, buffer.TryRead(16, out _));
        }

        Feed(buffer, frame.AsSpan(5));
        Assert.Equal(FrameStatus.Complete, buffer.TryRead(16, out var payload));
        Assert.Equal([7, 8], payload.ToArray());
    }

    [Theory]
    [InlineData(0u, 100, true)]
    [InlineData(99u, 100, true)]
    [InlineData(100u, 100, true)]
    [InlineData(101u, 100, false)]
    [InlineData(0x7FFFFFFFu, 100, false)]
    [InlineData(0x80000000u, 100, false)]
    [InlineData(0xFFFFFFFFu, 100, false)]
    [InlineData(0xFFFFFFFFu, int.MaxValue, false)]
    [InlineData(0u, 0, true)]
    [InlineData(1u, 0, false)]
    public void The_claim_is_compared_with_the_limit_as_soon_as_the_header_is_there(uint claim, int limit, bool allowed)
    {
        using var buffer = new FrameBuffer();
        var header = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(header, claim);
        Feed(buffer, header);
        var status = buffer.TryRead(limit, out _);
        Assert.Equal(!allowed, status == FrameStatus.TooLarge);
        Assert.Equal(claim == 0 && allowed, status == FrameStatus.Complete);
        buffer.GetMemory();
        Assert.InRange(buffer.Capacity, 4, FrameBuffer.KeptCapacity); // the claim has taken no memory
    }

    [Fact]
    public void The_buffer_grows_with_received_bytes_and_not_with_the_claim()
    {
        const int Claim = 64 * 1024 * 1024;
        using var buffer = new FrameBuffer(new ExactPool());
        var header = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(header, Claim);
        Feed(buffer, header);
        var received = 4;
        while (received < 1_000_000)
        {
            var memory = buffer.GetMemory();
            buffer.Advance(memory.Length);
            received += memory.Length;
            Assert.Equal(FrameStatus.Incomplete, buffer.TryRead(Claim, out _));
            Assert.True(buffer.Capacity <= Math.Max(FrameBuffer.KeptCapacity, 2 * received));
        }
    }

    [Fact]
    public void A_large_buffer_is_given_back_after_its_frame()
    {
        using var buffer = new FrameBuffer();
        var frame = new byte[4 + 1_000_000];
        BinaryPrimitives.WriteUInt32BigEndian(frame, 1_000_000);
        Feed(buffer, frame);
        Assert.Equal(FrameStatus.Complete, buffer.TryRead(1_000_000, out _));
        Assert.True(buffer.Capacity >= 1_000_000);
        buffer.GetMemory();
        Assert.InRange(buffer.Capacity, 1, 2 * FrameBuffer.KeptCapacity);
    }

    [Fact]
    public void Payloads_survive_until_memory_is_asked_for_again()
    {
        using var buffer = new FrameBuffer();
        Feed(buffer, [0, 0, 0, 1, 1, 0, 0, 0, 1, 2, 0, 0, 0, 1, 3]);
        var payloads = new List<ReadOnlyMemory<byte>>();
        while (buffer.TryRead(1, out var payload) == FrameStatus.Complete)
            payloads.Add(payload);
        Assert.Equal([1, 2, 3], payloads.Select(p => p.Span[0]));
    }

    [Fact]
    public void Every_pooled_array_is_returned_once()
    {
        var pool = new ExactPool();
        var random = new SeededRandom(1);
        for (var round = 0; round < 50; round++)
        {
            using var buffer = new FrameBuffer(pool);
            using var writer = new FrameWriter(pool);
            for (var i = 0; i < 5; i++)
            {
                writer.Begin();
                writer.Write(new byte[random.NextBelow(200_000)]);
                Assert.True(writer.TryEnd(int.MaxValue, out _));
            }

            Feed(buffer, writer.Written.Span[..^random.NextBelow(4)]);
            while (buffer.TryRead(int.MaxValue, out _) == FrameStatus.Complete)
            {
            }

            writer.Clear();
        }

        Assert.Equal(0, pool.Rented);
    }

    [Fact]
    public void A_frame_above_the_limit_of_the_sender_leaves_no_trace()
    {
        using var writer = new FrameWriter();
        writer.Begin();
        writer.Write<byte>([1]);
        Assert.True(writer.TryEnd(10, out _));
        writer.Begin();
        writer.Write(new byte[11]);
        Assert.False(writer.TryEnd(10, out var length));
        Assert.Equal(11, length);
        Assert.Equal([0, 0, 0, 1, 1], writer.Written.ToArray());
    }

    [Fact]
    public void Any_frames_cut_anywhere_come_out_as_they_went_in() =>
        Gen.Select(Gen.Byte.Array[0, 300].List[0, 20], Gen.Int[1, 97]).Sample((payloads, cut) =>
        {
            using var writer = new FrameWriter();
            foreach (var payload in payloads)
            {
                writer.Begin();
                writer.Write(payload);
                Assert.True(writer.TryEnd(300, out _));
            }

            var bytes = writer.Written.Span;
            using var buffer = new FrameBuffer();
            var found = new List<byte[]>();
            for (var at = 0; at < bytes.Length; at += cut)
            {
                Feed(buffer, bytes.Slice(at, Math.Min(cut, bytes.Length - at)));
                while (buffer.TryRead(300, out var payload) == FrameStatus.Complete)
                    found.Add(payload.ToArray());
            }

            Assert.Equal(payloads, found);
        });

    [Fact]
    public void A_hundred_thousand_mutated_streams_never_throw_never_overread_and_never_take_memory()
    {
        const int Limit = 2_000;
        var random = new SeededRandom(2);
        using var writer = new FrameWriter();
        foreach (var size in new[] { 0, 1, 5, 64, 300, 900 })
        {
            writer.Begin();
            for (var i = 0; i < size; i++)
                writer.Write<byte>([(byte)random.NextBelow(256)]);
            Assert.True(writer.TryEnd(Limit, out _));
        }

        var image = writer.Written.ToArray();
        var outcomes = new int[3];
        var n = 0;
        foreach (var stream in Mutator.Mutate(image, 120_000, 3))
        {
            n++;
            using var buffer = new FrameBuffer();
            var step = 1 + (n % 400);
            var taken = 0;
            var status = FrameStatus.Incomplete;
            for (var at = 0; at < stream.Length && status != FrameStatus.TooLarge; at += step)
            {
                Feed(buffer, stream.AsSpan(at, Math.Min(step, stream.Length - at)));
                while ((status = buffer.TryRead(Limit, out var payload)) == FrameStatus.Complete)
                {
                    Assert.True(payload.Length <= Limit);
                    Assert.Equal(stream.AsSpan(taken + 4, payload.Length), payload.Span);
                    taken += 4 + payload.Length;
                    outcomes[0]++;
                }

                Assert.True(buffer.Capacity <= FrameBuffer.KeptCapacity);
            }

            outcomes[status == FrameStatus.TooLarge ? 1 : 2]++;
        }

        Assert.Equal(120_000, n);
        Assert.All(outcomes, count => Assert.True(count > 1_000)); // the mutations reach every outcome
    }

    private static void Feed(FrameBuffer buffer, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var memory = buffer.GetMemory();
            var count = Math.Min(memory.Length, bytes.Length);
            bytes[..count].CopyTo(memory.Span);
            buffer.Advance(count);
            bytes = bytes[count..];
        }
    }

    /// <summary>Counts, and gives exactly what is asked for.</summary>
    private sealed class ExactPool : ArrayPool<byte>
    {
        private readonly HashSet<byte[]> _out = new(ReferenceEqualityComparer.Instance as IEqualityComparer<byte[]>);

        public int Rented => _out.Count;

        public override byte[] Rent(int minimumLength)
        {
            var array = new byte[minimumLength];
            _out.Add(array);
            return array;
        }

        public override void Return(byte[] array, bool clearArray = false)
        {
            Assert.True(_out.Remove(array), "returned twice, or never rented");
            array.AsSpan().Fill(0xDD);
        }
    }
}
