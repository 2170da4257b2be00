using Mosaik.Discovery.Gossip;
using Mosaik.Discovery.Gossip.Protocol;

namespace Mosaik.Tests.Discovery.Gossip;

/// <summary>What the nodes of a process share of payloads: the bytes, never a wrong id, and no more than two generations.</summary>
public sealed class KnownPayloadsTests
{
    [Fact]
    public void Only_the_same_bytes_are_known()
    {
        var known = new KnownPayloads();
        byte[] content = [1, 2, 3];
        MessageId id = MessageId.Of(content);
        Assert.False(known.TryGet(id, content, out _));
        known.Add(id, content);
        Assert.True(known.TryGet(id, [1, 2, 3], out ReadOnlyMemory<byte> shared));
        Assert.True(shared.Equals(content));
        Assert.False(known.TryGet(id, [1, 2, 4], out _));
        Assert.False(known.TryGet(MessageId.Of([4]), content, out _));
    }

    [Fact]
    public void What_is_asked_for_outlives_what_is_not()
    {
        var known = new KnownPayloads();
        for (int i = 0; i < 3 * KnownPayloads.MaxCount; i++)
        {
            byte[] content = BitConverter.GetBytes(i);
            known.Add(MessageId.Of(content), content);
            byte[] first = BitConverter.GetBytes(0);
            Assert.True(known.TryGet(MessageId.Of(first), first, out _));
            Assert.InRange(known.Count, 1, 2 * KnownPayloads.MaxCount);
        }

        byte[] second = BitConverter.GetBytes(1);
        Assert.False(known.TryGet(MessageId.Of(second), second, out _));
    }

    [Fact]
    public void Bytes_are_bounded()
    {
        var known = new KnownPayloads();
        const int Size = 4000;
        for (int i = 0; i < 3 * KnownPayloads.MaxBytes / Size; i++)
        {
            byte[] content = [.. BitConverter.GetBytes(i), .. new byte[Size - sizeof(int)]];
            known.Add(MessageId.Of(content), content);
            Assert.InRange(known.Count, 1, 2 * (KnownPayloads.MaxBytes / Size + 1));
        }
    }
}
