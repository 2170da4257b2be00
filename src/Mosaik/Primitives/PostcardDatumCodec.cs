using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Mosaik.Postcard;

namespace Mosaik.Primitives;

/// <summary>The default codec: postcard through the shape of the datum (spec/streams.md §12.2).</summary>
internal sealed class PostcardDatumCodec<T> : IDatumCodec<T>
{
    private readonly PostcardConverter<T> _converter;

    /// <summary>
    /// Finds the converter of the type. Throws when it has no shape, or a member that postcard cannot carry.
    /// </summary>
    public PostcardDatumCodec() => _converter = PostcardSerializer.Default.GetConverter<T>();

    /// <inheritdoc/>
    public void Encode(T datum, IBufferWriter<byte> writer) => _converter.Encode(writer, in datum);

    /// <inheritdoc/>
    public bool TryDecode(ReadOnlySpan<byte> payload, [MaybeNullWhen(false)] out T datum) =>
        _converter.TryDecode(payload, out datum).IsSuccess;
}
