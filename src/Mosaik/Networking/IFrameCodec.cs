using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Mosaik.Networking;

/// <summary>How the values of one kind of message become the payload of a frame and back.</summary>
internal interface IFrameCodec<T>
{
    /// <summary>
    /// Appends the encoded value. Throws for a value that has no encoding; what it appended is then discarded.
    /// </summary>
    void Encode(T value, IBufferWriter<byte> destination);

    /// <summary>Reads a value. Bytes after it are ignored. Never throws for malformed input.</summary>
    bool TryDecode(ReadOnlySpan<byte> payload, [MaybeNullWhen(false)] out T value, out DecodeError error);
}
