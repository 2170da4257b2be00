using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Mosaik.Primitives;

/// <summary>
/// A datum that knows its own bytes, in place of postcard (spec/streams.md §12.2). Used without further ado where
/// dynamic code is available; in natively compiled programs name it: <c>Codec = DatumCodec.Of&lt;MyDatum&gt;()</c>.
/// </summary>
/// <typeparam name="TSelf">The type that implements it.</typeparam>
public interface IDatum<TSelf>
{
    /// <inheritdoc cref="IDatumCodec{T}.Encode"/>
    static abstract void Encode(TSelf datum, IBufferWriter<byte> writer);

    /// <inheritdoc cref="IDatumCodec{T}.TryDecode"/>
    static abstract bool TryDecode(ReadOnlySpan<byte> payload, [MaybeNullWhen(false)] out TSelf datum);
}
