namespace Mosaik.Postcard.Converters;

/// <summary>
/// Integers of 16, 32 and 64 bits. Runs of short varints go through <see cref="VarintRuns"/>, everything else number by
/// number.
/// </summary>
internal sealed class IntegerRunConverter<T, TCodec> : ValueConverter<T, TCodec>
    where T : unmanaged
    where TCodec : struct, IValueCodec<T>
{
    // Keeps what is asked of the output small.
    private const int WrittenAtOnce = 256;

    public override void WriteMany(ref PostcardWriter writer, scoped ReadOnlySpan<T> values)
    {
        while (VarintRuns.IsSupported && values.Length >= VarintRuns.Block)
        {
            var part = values[..Math.Min(values.Length, WrittenAtOnce)];
            writer.Reserve(part.Length * VarintRuns.MaxNumberBytes);
            var count = VarintRuns.Write(part, writer.Free, out var length);
            writer.Advance(length);
            values = values[count..];
            if (part.Length - count >= VarintRuns.Block)
            {
                WriteEach(ref writer, values[..VarintRuns.Block]);
                values = values[VarintRuns.Block..];
            }
        }

        WriteEach(ref writer, values);
    }

    public override bool TryReadMany(ref PostcardReader reader, scoped Span<T> values)
    {
        while (!values.IsEmpty)
        {
            if (VarintRuns.IsSupported && values.Length >= VarintRuns.Block)
            {
                var count = VarintRuns.Read(reader.Unread, values, reader.IsCanonical, out var used);
                reader.Advance(used);
                values = values[count..];
            }

            var each = values[..Math.Min(values.Length, VarintRuns.Block)];
            for (var i = 0; i < each.Length; i++)
            {
                if (!TCodec.TryRead(ref reader, out each[i]))
                    return false;
            }

            values = values[each.Length..];
        }

        return true;
    }

    private static void WriteEach(ref PostcardWriter writer, scoped ReadOnlySpan<T> values)
    {
        foreach (var value in values)
            TCodec.Write(ref writer, value);
    }
}
