using System.Buffers.Binary;
using System.Net;
using CsCheck;
using Mosaik.Quic.Driver;

namespace Mosaik.Quic.Tests.Driver;

public sealed class ControlMessagesTests
{
    [Fact]
    public void Reads_segment_size_ecn_and_local_address_in_any_order()
    {
        byte[] packetInfo = [1, 0, 0, 0, 127, 0, 0, 9, 127, 0, 0, 1];
        byte[][] messages =
        [
            Message(17, 104, BitConverter.GetBytes(1200)),
            Message(0, 1, [3]),
            Message(0, 8, packetInfo),
            Message(1, 29, new byte[16]),
        ];
        foreach (var order in Permutations(messages))
        {
            var parsed = ControlMessages.Parse(order.SelectMany(static m => m).ToArray());
            Assert.Equal(1200, parsed.SegmentSize);
            Assert.Equal(Ecn.Ce, parsed.Ecn);
            Assert.Equal([127, 0, 0, 1], parsed.LocalAddress.ToArray());
        }
    }

    [Fact]
    public void Reads_the_ipv6_forms()
    {
        var address = IPAddress.Parse("2001:db8::7").GetAddressBytes();
        var parsed = ControlMessages.Parse([
            .. Message(41, 67, BitConverter.GetBytes(0x2a)),
            .. Message(41, 50, [.. address, 2, 0, 0, 0]),
        ]);
        Assert.Equal(Ecn.Ect0, parsed.Ecn);
        Assert.Equal(address, parsed.LocalAddress.ToArray());
        Assert.Equal(0, parsed.SegmentSize);
    }

    [Fact]
    public void Stops_at_a_length_that_does_not_fit()
    {
        byte[] good = Message(17, 104, BitConverter.GetBytes(1300));
        foreach (var length in new ulong[] { 0, 15, 21, ulong.MaxValue, int.MaxValue })
        {
            var bad = Message(0, 1, [2]);
            BinaryPrimitives.WriteUInt64LittleEndian(bad, length == 21 ? (ulong)bad.Length + 1 : length);
            var parsed = ControlMessages.Parse([.. good, .. bad]);
            Assert.Equal(1300, parsed.SegmentSize);
            Assert.Equal(Ecn.NotEct, parsed.Ecn);
        }
    }

    [Fact]
    public void Ignores_values_that_are_too_short_and_negative_sizes()
    {
        var parsed = ControlMessages.Parse([
            .. Message(17, 104, [1, 2]),
            .. Message(0, 8, [1, 2, 3, 4]),
            .. Message(41, 50, [1, 2, 3, 4]),
            .. Message(41, 67, [3]),
        ]);
        Assert.Equal(0, parsed.SegmentSize);
        Assert.True(parsed.LocalAddress.IsEmpty);
        Assert.Equal(Ecn.NotEct, parsed.Ecn);
        Assert.Equal(0, ControlMessages.Parse(Message(17, 104, BitConverter.GetBytes(-5))).SegmentSize);
    }

    [Fact]
    public void Any_bytes_are_walked_to_an_end() => Gen.Byte.Array[0, 256].Sample(bytes =>
    {
        var parsed = ControlMessages.Parse(bytes);
        Assert.InRange((int)parsed.Ecn, 0, 3);
        Assert.True(parsed.SegmentSize >= 0);
        Assert.True(parsed.LocalAddress.Length is 0 or 4 or 16);
    });

    private static byte[] Message(int level, int type, byte[] data)
    {
        var message = new byte[(16 + data.Length + 7) & ~7];
        BinaryPrimitives.WriteUInt64LittleEndian(message, (ulong)(16 + data.Length));
        BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(8), level);
        BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(12), type);
        data.CopyTo(message, 16);
        return message;
    }

    private static IEnumerable<byte[][]> Permutations(byte[][] items) => items.Length <= 1
        ? [items]
        : items.SelectMany((item, i) =>
            Permutations([.. items[..i], .. items[(i + 1)..]]).Select(rest => (byte[][])[item, .. rest]));
}
