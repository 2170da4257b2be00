namespace Mosaik.Primitives;

/// <summary>
/// What every 32-byte identifier has in common, so that one converter of each kind serves all of them.
/// </summary>
/// <typeparam name="TSelf">The identifier type itself.</typeparam>
internal interface IIdentifier<TSelf> : IEquatable<TSelf>
    where TSelf : struct, IIdentifier<TSelf>
{
    /// <summary>
    /// The identifier made of exactly these 32 bytes; false when they are not an identifier of this kind.
    /// </summary>
    static abstract bool TryFromRaw(ReadOnlySpan<byte> bytes, out TSelf id);

    /// <summary>Copies the 32 bytes.</summary>
    void CopyTo(Span<byte> destination);
}
