using System.Text;
using Org.BouncyCastle.Crypto.Digests;

namespace Mosaik.Primitives;

/// <summary>
/// A running BLAKE3 computation with 32 bytes of output, default hashing mode (no key, no context):
/// the function <c>H</c> of spec/wire.md. Parts are neither separated nor prefixed with a length.
/// </summary>
/// <remarks>Not thread-safe. One-shot hashing is <see cref="UniqueId.Hash(ReadOnlySpan{byte})"/>.</remarks>
public sealed class Blake3Hasher
{
    [ThreadStatic]
    private static Blake3Digest? Shared;

    private readonly Blake3Digest _digest = new(UniqueId.Length * 8);

    /// <summary>Adds raw bytes.</summary>
    /// <param name="bytes">The bytes, hashed as they are.</param>
    /// <returns>This hasher.</returns>
    public Blake3Hasher Append(ReadOnlySpan<byte> bytes)
    {
        _digest.BlockUpdate(bytes);
        return this;
    }

    /// <summary>Adds the UTF-8 of a text, without the hexadecimal special case.</summary>
    /// <param name="text">The text.</param>
    /// <returns>This hasher.</returns>
    public Blake3Hasher Append(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Append(Encoding.UTF8.GetBytes(text));
    }

    /// <summary>Ends the computation. The hasher starts afresh afterwards.</summary>
    /// <param name="destination">Receives 32 bytes.</param>
    public void Finish(Span<byte> destination) => Finish(_digest, destination);

    /// <summary>H(first ‖ second) with this thread's digest.</summary>
    internal static void Hash(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> destination)
    {
        // Never held across an await or a callback, so one per thread is enough and nothing is pooled.
        Blake3Digest digest = Shared ??= new Blake3Digest(UniqueId.Length * 8);
        digest.Reset();
        digest.BlockUpdate(first);
        digest.BlockUpdate(second);
        Finish(digest, destination);
    }

    private static void Finish(Blake3Digest digest, Span<byte> destination) =>
        digest.DoFinal(destination[..UniqueId.Length]);
}
