using System.Buffers;
using Mosaik.Postcard;

namespace Mosaik.Streams;

/// <summary>The default codec: postcard through the shape of the datum (spec/streams.md §12.2).</summary>
internal sealed class PostcardDatumCodec<T> : IDatumCodec<T>
{
    private readonly PostcardSerializer<T> _serializer;

    private PostcardDatumCodec(PostcardSerializer<T> serializer) => _serializer = serializer;

    /// <summary>The codec of the type. Throws when the type has no shape or a member that postcard cannot carry.</summary>
    public static PostcardDatumCodec<T> Instance => Holder.Codec;

    /// <inheritdoc/>
    public void Encode(T datum, IBufferWriter<byte> writer) => _serializer.Encode(writer, datum);

    /// <inheritdoc/>
    public bool TryDecode(ReadOnlySpan<byte> payload, out T datum) => throw new NotSupportedException();

    private static class Holder
    {
        public static readonly PostcardDatumCodec<T> Codec = null!;
    }
}
