using Mosaik.Streams;

namespace Mosaik.Tests.Streams;

/// <summary>Frames of spec/streams.md §2.3: length in front, big-endian.</summary>
public sealed class DatumFrameTests
{
    private readonly DatumFramePool _frames = new();

    [Theory]
    [InlineData("0474657374", "000000050474657374")]
    [InlineData("", "00000000")]
    public void A_sealed_frame_has_its_length_in_front(string payload, string expected)
    {
        var frame = _frames.Rent();
        Write(frame, Convert.FromHexString(payload));
        frame.Seal();
        Assert.Equal(expected, Convert.ToHexStringLower(frame.Bytes.Span));
        Assert.Equal(payload.Length / 2, frame.PayloadLength);
        frame.Release();
    }

    [Fact]
    public void A_large_payload_grows_the_frame_and_keeps_its_bytes()
    {
        var payload = new byte[300_000];
        for (var i = 0; i < payload.Length; i++)
            payload[i] = (byte)(i * 31);
        var frame = _frames.Rent();
        foreach (var chunk in payload.Chunk(777))
            Write(frame, chunk);
        frame.Seal();
        Assert.Equal(payload, frame.Bytes.Span[DatumFrame.HeaderSize..].ToArray());
        frame.Release();
    }

    [Fact]
    public void Small_frames_allocate_nothing_once_the_pool_is_warm()
    {
        var payload = new byte[100];
        Cycle();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            Cycle();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Cycle()
        {
            var frame = _frames.Rent();
            Write(frame, payload);
            frame.Seal();
            frame.Release();
        }
    }

    [Fact]
    public void A_pool_keeps_no_more_frames_than_it_may_and_gives_them_out_again()
    {
        var pool = new DatumFramePool(maxFrames: 2);
        var first = Enumerable.Range(0, 3).Select(_ => pool.Rent()).ToArray();
        foreach (var frame in first)
        {
            frame.Retain();
            frame.Release();
            frame.Release();
        }

        var second = Enumerable.Range(0, 3).Select(_ => pool.Rent()).ToArray();
        Assert.Equal(first[..2].Reverse(), second[..2]);
        Assert.DoesNotContain(second[2], first);
        Assert.All(second, static frame => Assert.Equal(0, frame.PayloadLength));
    }

    private static void Write(DatumFrame frame, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(frame.GetSpan(bytes.Length));
        frame.Advance(bytes.Length);
    }
}
