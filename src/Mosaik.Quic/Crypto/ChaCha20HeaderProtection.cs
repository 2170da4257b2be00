using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Mosaik.Quic.Crypto;

/// <summary>
/// ChaCha20 header protection (RFC 9001 §5.4.4): the first four bytes of the sample are the block counter in
/// little-endian order, the other twelve are the nonce, and the mask is the start of that key-stream block.
/// </summary>
/// <remarks>
/// The block function of RFC 8439 §2.3 is written out here, because neither the base class library nor BouncyCastle's
/// engine lets a caller choose the block counter. It has no branches or table lookups that depend on secrets. Only the
/// two words that the mask needs are produced.
/// </remarks>
internal sealed class ChaCha20HeaderProtection : HeaderProtection
{
    private const int KeyLength = 32;
    private const int DoubleRounds = 10;

    private KeyWords _key;

    internal ChaCha20HeaderProtection(ReadOnlySpan<byte> key)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, KeyLength, nameof(key));
        Span<uint> words = _key;
        for (var i = 0; i < words.Length; i++)
            words[i] = BinaryPrimitives.ReadUInt32LittleEndian(key[(i * sizeof(uint))..]);
    }

    /// <inheritdoc/>
    internal override void ComputeMask(ReadOnlySpan<byte> sample, Span<byte> mask)
    {
        // "expand 32-byte k"
        uint x0 = 0x61707865, x1 = 0x3320646e, x2 = 0x79622d32, x3 = 0x6b206574;
        ReadOnlySpan<uint> key = _key;
        uint x4 = key[0], x5 = key[1], x6 = key[2], x7 = key[3];
        uint x8 = key[4], x9 = key[5], x10 = key[6], x11 = key[7];
        var x12 = BinaryPrimitives.ReadUInt32LittleEndian(sample);
        var x13 = BinaryPrimitives.ReadUInt32LittleEndian(sample[4..]);
        var x14 = BinaryPrimitives.ReadUInt32LittleEndian(sample[8..]);
        var x15 = BinaryPrimitives.ReadUInt32LittleEndian(sample[12..]);
        var start0 = x0;
        var start1 = x1;
        for (var i = 0; i < DoubleRounds; i++)
        {
            QuarterRound(ref x0, ref x4, ref x8, ref x12);
            QuarterRound(ref x1, ref x5, ref x9, ref x13);
            QuarterRound(ref x2, ref x6, ref x10, ref x14);
            QuarterRound(ref x3, ref x7, ref x11, ref x15);
            QuarterRound(ref x0, ref x5, ref x10, ref x15);
            QuarterRound(ref x1, ref x6, ref x11, ref x12);
            QuarterRound(ref x2, ref x7, ref x8, ref x13);
            QuarterRound(ref x3, ref x4, ref x9, ref x14);
        }
        BinaryPrimitives.WriteUInt32LittleEndian(mask, x0 + start0);
        mask[4] = (byte)(x1 + start1);
    }

    /// <inheritdoc/>
    public override void Dispose() => _key = default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void QuarterRound(ref uint a, ref uint b, ref uint c, ref uint d)
    {
        a += b;
        d = BitOperations.RotateLeft(d ^ a, 16);
        c += d;
        b = BitOperations.RotateLeft(b ^ c, 12);
        a += b;
        d = BitOperations.RotateLeft(d ^ a, 8);
        c += d;
        b = BitOperations.RotateLeft(b ^ c, 7);
    }

    [InlineArray(KeyLength / sizeof(uint))]
    private struct KeyWords
    {
        private uint _first;
    }
}
