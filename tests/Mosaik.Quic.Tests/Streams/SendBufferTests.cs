using Mosaik.Quic.Streams;
using Mosaik.Quic.Tests.Wire;

namespace Mosaik.Quic.Tests.Streams;

public sealed class SendBufferTests
{
    [Fact]
    public void Sends_lost_bytes_first_and_lowest_first()
    {
        var buffer = new SendBuffer(new BlockPool());
        buffer.Write(new byte[100]);
        for (ulong at = 0; at < 60; at += 20)
            buffer.MarkSent(at, 20);
        buffer.OnLost(40, 20);
        buffer.OnLost(0, 20);
        Assert.True(buffer.TryGetNext(1000, out ByteRange range));
        Assert.Equal(new ByteRange(0, 20), range);
        Assert.Equal(0, buffer.MarkSent(0, 20));
        Assert.True(buffer.TryGetNext(1000, out range));
        Assert.Equal(new ByteRange(40, 60), range);
        Assert.Equal(0, buffer.MarkSent(40, 20));
        Assert.True(buffer.TryGetNext(70, out range));
        Assert.Equal(new ByteRange(60, 70), range);
        Assert.Equal(10, buffer.MarkSent(60, 10));
        Assert.False(buffer.TryGetNext(70, out _));
    }

    [Fact]
    public void Bytes_declared_lost_and_acknowledged_after_all_are_not_sent_again()
    {
        var buffer = new SendBuffer(new BlockPool());
        buffer.Write(new byte[30]);
        buffer.MarkSent(0, 30);
        buffer.OnLost(0, 30);
        Assert.Equal(0, buffer.OnAcknowledged(10, 10));
        Assert.True(buffer.TryGetNext(30, out ByteRange range));
        Assert.Equal(new ByteRange(0, 10), range);
        Assert.Equal(20, buffer.OnAcknowledged(0, 10));
        buffer.OnLost(5, 25);   // a second copy is declared lost: only what is missing goes again
        Assert.True(buffer.TryGetNext(30, out range));
        Assert.Equal(new ByteRange(20, 30), range);
        Assert.Equal(10, buffer.OnAcknowledged(20, 10));
        Assert.False(buffer.HasLost);
        Assert.Equal(0, buffer.MemoryHeld);
    }

    [Fact]
    public void Agrees_with_a_model_of_single_bytes()
    {
        for (ulong seed = 0; seed < 100; seed++)
            RunModel(new SeededRandom(seed));
    }

    private static void RunModel(SeededRandom random)
    {
        var buffer = new SendBuffer(new BlockPool());
        var written = new List<byte>();
        var state = new List<char>();   // per byte: u unsent, f in flight, l lost, a acknowledged
        var frames = new List<(ulong Offset, int Length)>();
        for (int step = 0; step < 200; step++)
        {
            switch (random.Below(5))
            {
                case 0:
                    byte[] data = random.Bytes(random.Below(random.Chance(0.01) ? 70_000 : 300));
                    buffer.Write(data);
                    written.AddRange(data);
                    state.AddRange(Enumerable.Repeat('u', data.Length));
                    break;
                case 1 or 2:
                    if (!buffer.TryGetNext((ulong)written.Count, out ByteRange range))
                    {
                        Assert.DoesNotContain('u', state);
                        Assert.DoesNotContain('l', state);
                        break;
                    }
                    int first = state.IndexOf('l');
                    Assert.Equal(first >= 0 ? first : state.IndexOf('u'), (int)range.Start);
                    int length = (int)Math.Min(range.Length, (ulong)(1 + random.Below(1200)));
                    byte[] copy = new byte[length];
                    buffer.CopyTo(range.Start, copy);
                    Assert.Equal(written.GetRange((int)range.Start, length), copy);
                    int added = buffer.MarkSent(range.Start, length);
                    Assert.Equal(state.GetRange((int)range.Start, length).Count(c => c == 'u'), added);
                    for (int i = 0; i < length; i++)
                        state[(int)range.Start + i] = 'f';
                    frames.Add((range.Start, length));
                    break;
                case 3 when frames.Count > 0:
                    (ulong offset, int count) = frames[random.Below(frames.Count)];   // stays: duplicates and late news
                    int baseBefore = Base(state);
                    int released = buffer.OnAcknowledged(offset, count);
                    for (int i = 0; i < count; i++)
                        state[(int)offset + i] = 'a';
                    Assert.Equal(Base(state) - baseBefore, released);
                    break;
                case 4 when frames.Count > 0:
                    (ulong lostOffset, int lostCount) = frames[random.Below(frames.Count)];
                    buffer.OnLost(lostOffset, lostCount);
                    for (int i = 0; i < lostCount; i++)
                    {
                        if (state[(int)lostOffset + i] == 'f')
                            state[(int)lostOffset + i] = 'l';
                    }
                    break;
            }
            Assert.Equal(state.Count(c => c == 'u'), buffer.Unsent);
            Assert.Equal(state.Contains('l'), buffer.HasLost);
            Assert.Equal(written.Count - Base(state), buffer.Unacknowledged);
            Assert.True(buffer.MemoryHeld <= 2 * buffer.Unacknowledged + 2 * ByteQueue.LargestBlock);
        }
        buffer.Clear();
        Assert.Equal(0, buffer.MemoryHeld);

        static int Base(List<char> state)
        {
            int index = state.FindIndex(c => c != 'a');
            return index < 0 ? state.Count : index;
        }
    }
}
