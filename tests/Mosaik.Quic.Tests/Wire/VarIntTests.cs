using CsCheck;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Wire;

public sealed class VarIntTests
{
    [Theory]   // RFC 9000 A.1
    [InlineData("c2197c5eff14e88c", 151_288_809_941_952_652)]
    [InlineData("9d7f3e7d", 494_878_333)]
    [InlineData("7bbd", 15_293)]
    [InlineData("25", 37)]
    public void Encodes_and_decodes_the_examples_of_the_rfc(string hex, ulong value)
    {
        byte[] bytes = Convert.FromHexString(hex);
        Assert.True(VarInt.TryRead(bytes, out ulong read, out int length));
        Assert.Equal(value, read);
        Assert.Equal(bytes.Length, length);
        byte[] written = new byte[8];
        Assert.Equal(bytes.Length, VarInt.Write(written, value));
        Assert.Equal(bytes, written[..bytes.Length]);
    }

    [Fact]
    public void Reads_a_longer_form_than_needed()
    {
        Assert.True(VarInt.TryRead([0x40, 0x25], out ulong value, out int length));
        Assert.Equal((37UL, 2), (value, length));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(63, 1)]
    [InlineData(64, 2)]
    [InlineData(16_383, 2)]
    [InlineData(16_384, 4)]
    [InlineData(1_073_741_823, 4)]
    [InlineData(1_073_741_824, 8)]
    [InlineData(4_611_686_018_427_387_903, 8)]
    public void Takes_the_shortest_form_at_every_border(ulong value, int length)
    {
        byte[] bytes = new byte[8];
        Assert.Equal(length, VarInt.Length(value));
        Assert.Equal(length, VarInt.Write(bytes, value));
        Assert.True(VarInt.TryRead(bytes, out ulong read, out int readLength));
        Assert.Equal((value, length), (read, readLength));
    }

    [Fact]
    public void Refuses_truncated_numbers_and_does_not_move()
    {
        byte[] bytes = [0, 0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c];
        for (int end = 1; end < bytes.Length; end++)
        {
            int position = 1;
            Assert.False(VarInt.TryRead(bytes.AsSpan(0, end), ref position, out _));
            Assert.Equal(1, position);
        }
    }

    [Fact]
    public void Refuses_to_write_2_to_the_62_and_values_that_do_not_fit_a_fixed_length()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => VarInt.Write(new byte[8], 1UL << 62));
        Assert.Throws<ArgumentOutOfRangeException>(() => VarInt.WriteFixed(new byte[8], 16_384, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => VarInt.WriteFixed(new byte[8], 1, 3));
    }

    [Fact]
    public void Round_trips_in_every_length_that_fits() =>
        Gen.Select(Gen.ULong[0, VarInt.MaxValue], Gen.Int[0, 3]).Sample((value, power) =>
        {
            int length = 1 << power;
            ulong fitting = length == 8 ? value : value & ((1UL << (length * 8 - 2)) - 1);
            byte[] bytes = new byte[length];
            VarInt.WriteFixed(bytes, fitting, length);
            return VarInt.TryRead(bytes, out ulong read, out int readLength) && read == fitting && readLength == length;
        });
}
