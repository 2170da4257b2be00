using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Mosaik.Postcard.Converters;

/// <summary>
/// u32 and i32. Runs whose varints all have one byte, or all have two, are packed and unpacked by vectors; everything
/// else goes number by number, which also reports what is wrong.
/// </summary>
internal sealed class IntegerRunConverter<T, TCodec>(bool isZigzag) : ValueConverter<T, TCodec>
    where T : unmanaged
    where TCodec : struct, IValueCodec<T>
{
    private const int Ones = 16;
    private const int Twos = 8;
    private const uint TwoByteContinuations = 0x5555;

    public override void WriteMany(ref PostcardWriter writer, scoped ReadOnlySpan<T> values)
    {
        var numbers = MemoryMarshal.Cast<T, uint>(values);
        for (var at = 0; at < numbers.Length;)
        {
            var rest = numbers[at..];
            if (rest.Length >= Ones && Vector128.IsHardwareAccelerated && BitConverter.IsLittleEndian)
            {
                // 16 numbers at most 5 bytes each; what is not used is overwritten.
                writer.Reserve(Ones * 5);
                ref var source = ref MemoryMarshal.GetReference(rest);
                var (a, b) = (Load(ref source, 0), Load(ref source, 4));
                var (c, d) = (Load(ref source, 8), Load(ref source, 12));
                var all = a | b | c | d;
                if (Vector128.LessThanAll(all, Vector128.Create(0x80u)))
                {
                    Vector128.Narrow(Vector128.Narrow(a, b), Vector128.Narrow(c, d)).CopyTo(writer.Free);
                    writer.Advance(Ones);
                    at += Ones;
                    continue;
                }

                if (Vector128.LessThanAll(all, Vector128.Create(0x4000u))
                    && Vector128.GreaterThanAll(Vector128.Min(Vector128.Min(a, b), Vector128.Min(c, d)), Vector128.Create(0x7Fu)))
                {
                    Pair(Vector128.Narrow(a, b)).CopyTo(writer.Free);
                    Pair(Vector128.Narrow(c, d)).CopyTo(writer.Free[16..]);
                    writer.Advance(2 * Ones);
                    at += Ones;
                    continue;
                }
            }

            var end = Math.Min(at + Ones, numbers.Length);
            for (; at < end; at++)
                TCodec.Write(ref writer, values[at]);
        }
    }

    public override bool TryReadMany(ref PostcardReader reader, scoped Span<T> values)
    {
        var numbers = MemoryMarshal.Cast<T, uint>(values);
        for (var at = 0; at < numbers.Length;)
        {
            var rest = numbers[at..];
            var input = reader.Unread;
            if (rest.Length >= Ones && input.Length >= Vector128<byte>.Count
                && Vector128.IsHardwareAccelerated && BitConverter.IsLittleEndian)
            {
                var bytes = Vector128.Create(input);
                var continuations = bytes.ExtractMostSignificantBits();
                if (continuations == 0)
                {
                    var (low, high) = Vector128.Widen(bytes);
                    Store(low, rest);
                    Store(high, rest[8..]);
                    reader.Advance(Ones);
                    at += Ones;
                    continue;
                }

                if (continuations == TwoByteContinuations)
                {
                    var pairs = bytes.AsUInt16();
                    var joined = (pairs & Vector128.Create((ushort)0x7F)) | ((pairs >> 1) & Vector128.Create((ushort)0x3F80));
                    if (!reader.IsCanonical || Vector128.GreaterThanAll(joined, Vector128.Create((ushort)0x7F)))
                    {
                        Store(joined, rest);
                        reader.Advance(2 * Twos);
                        at += Twos;
                        continue;
                    }
                }
            }

            var end = Math.Min(at + Twos, numbers.Length);
            for (; at < end; at++)
            {
                if (!TCodec.TryRead(ref reader, out values[at]))
                    return false;
            }
        }

        return true;
    }

    private Vector128<uint> Load(ref uint source, nuint offset)
    {
        var v = Vector128.LoadUnsafe(ref source, offset);
        return isZigzag ? (v << 1) ^ (v.AsInt32() >> 31).AsUInt32() : v;
    }

    private void Store(Vector128<ushort> numbers, Span<uint> destination)
    {
        var (low, high) = Vector128.Widen(numbers);
        Unfold(low).CopyTo(destination);
        Unfold(high).CopyTo(destination[4..]);
    }

    private Vector128<uint> Unfold(Vector128<uint> v) =>
        isZigzag ? (v >>> 1) ^ (Vector128<uint>.Zero - (v & Vector128<uint>.One)) : v;

    // Eight 14-bit numbers as eight varints of two bytes.
    private static Vector128<byte> Pair(Vector128<ushort> v) =>
        ((v & Vector128.Create((ushort)0x7F)) | ((v & Vector128.Create((ushort)0x3F80)) << 1)
            | Vector128.Create((ushort)0x80)).AsByte();
}
