using CsCheck;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Wire;

public sealed class PacketNumberTests
{
    [Fact]   // RFC 9000 A.2
    public void Encodes_the_examples_of_the_rfc()
    {
        Assert.Equal(2, PacketNumber.EncodedLength(0xac5c02, 0xabe8b3));
        Assert.Equal(3, PacketNumber.EncodedLength(0xace8fe, 0xabe8b3));
    }

    [Fact]   // RFC 9000 A.3
    public void Decodes_the_example_of_the_rfc() =>
        Assert.Equal(0xa82f9b32UL, PacketNumber.Decode(0x9b32, 2, 0xa82f30ea));

    [Fact]
    public void Works_before_anything_was_received_or_acknowledged()
    {
        Assert.Equal(1, PacketNumber.EncodedLength(0, null));
        Assert.Equal(1, PacketNumber.EncodedLength(127, null));
        Assert.Equal(2, PacketNumber.EncodedLength(128, null));
        Assert.Equal(0UL, PacketNumber.Decode(0, 1, null));
        Assert.Equal(1UL, PacketNumber.Decode(1, 1, null));   // number 0 may never be sent (spec/quic.md §7.2)
        Assert.Equal(127UL, PacketNumber.Decode(127, 1, null));
    }

    [Fact]
    public void Stays_within_the_number_space_at_its_end()
    {
        const ulong Last = PacketNumber.MaxValue;
        Assert.Equal(Last, PacketNumber.Decode(0xff, 1, Last));
        Assert.Equal(Last, PacketNumber.Decode(0xff, 1, Last - 1));
        Assert.Equal(Last - 0xff, PacketNumber.Decode(0x00, 1, Last));
        Assert.Equal(Last, PacketNumber.Decode(0xffff_ffff, 4, Last - 1));
    }

    [Fact]
    public void A_receiver_up_to_date_with_the_acknowledgements_decodes_every_number() =>
        Gen.Select(Gen.ULong[0, PacketNumber.MaxValue], Gen.ULong[0, 1UL << 30], Gen.Double.Unit, Gen.Bool).Sample(
            (number, distance, part, none) =>
            {
                ulong? acknowledged = none && number < (1UL << 30) ? null : number - Math.Min(number, Math.Max(1, distance));
                if (acknowledged >= number)
                    return true;   // number 0 has nothing before it
                int length = PacketNumber.EncodedLength(number, acknowledged);
                // The receiver's largest number lies anywhere between what it acknowledged and the number before this one.
                ulong low = acknowledged ?? 0;
                ulong? largest = number == 0 ? null : low + (ulong)((number - 1 - low) * part);
                byte[] bytes = new byte[length];
                PacketNumber.Write(bytes, number, length);
                return PacketNumber.Decode(PacketNumber.Read(bytes, length), length, largest) == number;
            });

    [Fact]
    public void Decodes_the_closest_candidate() =>
        Gen.Select(Gen.ULong[0, PacketNumber.MaxValue - 1], Gen.UInt, Gen.Int[1, 4]).Sample((largest, bits, length) =>
        {
            ulong window = 1UL << (8 * length);
            uint truncated = (uint)(bits & (window - 1));
            ulong decoded = PacketNumber.Decode(truncated, length, largest);
            ulong expected = largest + 1;
            ulong distance = decoded > expected ? decoded - expected : expected - decoded;
            bool nearBorder = decoded < window || decoded > PacketNumber.MaxValue - window;
            return (decoded & (window - 1)) == truncated && decoded <= PacketNumber.MaxValue
                && (distance <= window / 2 || nearBorder);
        });
}
