namespace Mosaik.Primitives;

/// <summary>
/// Keys that were found to be points of the curve lately, for the whole process: messages about the same few peers come
/// again and again, and each look at a key costs the decompression of a point.
/// </summary>
/// <remarks>
/// A place per hash, the newest key in it; no lock. Who makes keys collide only has them looked at anew, as without
/// this.
/// </remarks>
internal static class KnownPoints
{
    private const int Places = 4096;

    private static readonly Key?[] Keys = new Key?[Places];

    public static bool Contains(ReadOnlySpan<byte> key) =>
        Volatile.Read(ref Keys[PlaceOf(key)]) is { } known && known.Bytes.AsSpan().SequenceEqual(key);

    public static void Add(ReadOnlySpan<byte> key) => Volatile.Write(ref Keys[PlaceOf(key)], new Key(new Bytes32(key)));

    private static int PlaceOf(ReadOnlySpan<byte> key) => (key[0] | (key[1] << 8)) & (Places - 1);

    private sealed class Key(Bytes32 bytes)
    {
        public readonly Bytes32 Bytes = bytes;
    }
}
