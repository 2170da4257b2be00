using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Mosaik.Primitives;

/// <summary>
/// How a datum, command or query becomes bytes and back, in place of postcard. All sides must agree; nothing is
/// negotiated and nothing is added to the bytes.
/// </summary>
/// <remarks>Implementations are thread-safe and hold no state that differs between nodes.</remarks>
/// <typeparam name="T">The datum.</typeparam>
public interface IDatumCodec<T>
{
    /// <summary>Writes the datum. An exception refuses the datum at the call that supplied it.</summary>
    /// <param name="datum">The value.</param>
    /// <param name="writer">Receives the bytes.</param>
    void Encode(T datum, IBufferWriter<byte> writer);

    /// <summary>Reads a datum from hostile bytes. False refuses it; throw nothing.</summary>
    /// <param name="payload">The bytes of one datum, valid during the call only.</param>
    /// <param name="datum">The value.</param>
    bool TryDecode(ReadOnlySpan<byte> payload, [MaybeNullWhen(false)] out T datum);
}
