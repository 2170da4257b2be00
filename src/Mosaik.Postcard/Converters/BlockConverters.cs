using System.Runtime.InteropServices;

namespace Mosaik.Postcard.Converters;

/// <summary>
/// Numbers whose memory is their image on a little-endian machine: runs are copied with one bounds check.
/// </summary>
internal sealed class BlockConverter<T, TCodec> : ValueConverter<T, TCodec>
    where T : unmanaged
    where TCodec : struct, IValueCodec<T>
{
    public override void WriteMany(ref PostcardWriter writer, scoped ReadOnlySpan<T> values)
    {
        if (BitConverter.IsLittleEndian)
            writer.WriteRaw(MemoryMarshal.AsBytes(values));
        else
            base.WriteMany(ref writer, values);
    }

    public override bool TryReadMany(ref PostcardReader reader, scoped Span<T> values) =>
        BitConverter.IsLittleEndian
            ? reader.TryReadRaw(MemoryMarshal.AsBytes(values))
            : base.TryReadMany(ref reader, values);
}
