using System.Runtime.CompilerServices;

namespace Mosaik.Postcard.Converters;

/// <summary>An enum without payloads: the variant index, which is its value (0 … n−1).</summary>
internal sealed class EnumConverter<TEnum>(uint variants) : PostcardConverter<TEnum>
    where TEnum : struct, Enum
{
    public override int MinimumSize => 1;

    public override void Write(ref PostcardWriter writer, in TEnum value)
    {
        // The values start at 0, so a negative one becomes a huge unsigned one and is refused as well.
        ref var raw = ref Unsafe.As<TEnum, byte>(ref Unsafe.AsRef(in value));
        var variant = Unsafe.SizeOf<TEnum>() switch
        {
            1 => raw,
            2 => Unsafe.ReadUnaligned<ushort>(ref raw),
            4 => Unsafe.ReadUnaligned<uint>(ref raw),
            _ => Unsafe.ReadUnaligned<ulong>(ref raw),
        };
        if (variant >= variants)
            PostcardWriter.Refuse($"{typeof(TEnum)} has no member with the value {value}.");
        writer.WriteVariant((uint)variant);
    }

    public override bool TryRead(ref PostcardReader reader, out TEnum value)
    {
        value = default;
        if (!reader.TryReadVariant(variants, out var variant))
            return false;
        ref var raw = ref Unsafe.As<TEnum, byte>(ref value);
        switch (Unsafe.SizeOf<TEnum>())
        {
            case 1:
                raw = (byte)variant;
                break;
            case 2:
                Unsafe.WriteUnaligned(ref raw, (ushort)variant);
                break;
            case 4:
                Unsafe.WriteUnaligned(ref raw, variant);
                break;
            default:
                Unsafe.WriteUnaligned(ref raw, (ulong)variant);
                break;
        }

        return true;
    }
}
