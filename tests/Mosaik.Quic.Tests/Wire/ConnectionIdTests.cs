using CsCheck;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Wire;

public sealed class ConnectionIdTests
{
    [Fact]
    public void Keeps_its_bytes_at_every_length()
    {
        for (int length = 0; length <= ConnectionId.MaxLength; length++)
        {
            byte[] bytes = new SeededRandom((ulong)length).Bytes(length);
            var id = new ConnectionId(bytes);
            Assert.Equal(length, id.Length);
            Assert.Equal(bytes, id.ToArray());
            Assert.Equal(Convert.ToHexStringLower(bytes), id.ToString());
            Assert.Equal(length == 0, id.IsEmpty);
        }
    }

    [Fact]
    public void Refuses_21_bytes()
    {
        Assert.False(ConnectionId.TryRead(new byte[30], 21, out _));
        Assert.False(ConnectionId.TryRead(new byte[7], 8, out _));
        Assert.Throws<ArgumentException>(() => new ConnectionId(new byte[21]));
    }

    [Fact]
    public void Ids_of_different_length_differ_even_when_padded_bytes_agree()
    {
        Assert.NotEqual(new ConnectionId(new byte[8]), new ConnectionId(new byte[9]));
        Assert.NotEqual(ConnectionId.Empty, new ConnectionId(new byte[1]));
    }

    [Fact]
    public void Equality_is_that_of_the_bytes() =>
        Gen.Select(Gen.Byte.Array[0, 20], Gen.Byte.Array[0, 20]).Sample((left, right) =>
            new ConnectionId(left) == new ConnectionId(right) == left.AsSpan().SequenceEqual(right)
            && new ConnectionId(left).GetHashCode() == new ConnectionId((byte[])left.Clone()).GetHashCode());

    [Fact]
    public void Eight_bytes_are_a_number()
    {
        var id = new ConnectionId(Convert.FromHexString("c1c2c3c4c5c6c7c8"));
        Assert.Equal(0xc1c2c3c4c5c6c7c8, id.AsUInt64);
        Assert.Equal(id, ConnectionId.FromUInt64(0xc1c2c3c4c5c6c7c8));
    }
}
