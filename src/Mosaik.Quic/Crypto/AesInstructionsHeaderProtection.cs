using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using AesInstructions = System.Runtime.Intrinsics.X86.Aes;

namespace Mosaik.Quic.Crypto;

/// <summary>
/// AES header protection by processor instructions: the round keys are expanded once per key (FIPS 197 §5.2), a mask is
/// one block encryption of a few nanoseconds (spec/performance.md §4.4).
/// </summary>
internal sealed class AesInstructionsHeaderProtection : HeaderProtection
{
    private const int Rounds128 = 10;
    private const int Rounds256 = 14;

    private readonly int _rounds;
    private RoundKeys _roundKeys;

    internal AesInstructionsHeaderProtection(ReadOnlySpan<byte> key)
    {
        _rounds = key.Length switch
        {
            16 => Rounds128,
            32 => Rounds256,
            _ => throw new ArgumentOutOfRangeException(nameof(key)),
        };
        ExpandKey(key, MemoryMarshal.Cast<Vector128<byte>, uint>((Span<Vector128<byte>>)_roundKeys), _rounds);
    }

    /// <inheritdoc/>
    internal override void ComputeMask(ReadOnlySpan<byte> sample, Span<byte> mask)
    {
        ReadOnlySpan<Vector128<byte>> keys = _roundKeys;
        var block = Sse2.Xor(Vector128.Create(sample[..SampleLength]), keys[0]);
        for (var i = 1; i < _rounds; i++)
            block = AesInstructions.Encrypt(block, keys[i]);
        block = AesInstructions.EncryptLast(block, keys[_rounds]);
        var words = block.AsUInt32();
        MemoryMarshal.Write(mask, words.GetElement(0));
        mask[4] = (byte)words.GetElement(1);
    }

    /// <inheritdoc/>
    public override void Dispose() => _roundKeys = default;

    // FIPS 197 §5.2 with little-endian words: RotWord of the big-endian text is a rotation to the right here.
    // KeygenAssist with control 0 gives SubWord of word 1 in lane 0 without a table, so no access depends on the key.
    private static void ExpandKey(ReadOnlySpan<byte> key, Span<uint> words, int rounds)
    {
        var keyWords = key.Length / sizeof(uint);
        MemoryMarshal.Cast<byte, uint>(key).CopyTo(words);
        uint constant = 1;
        for (var i = keyWords; i < (rounds + 1) * 4; i++)
        {
            var word = words[i - 1];
            if (i % keyWords == 0)
            {
                word = uint.RotateRight(SubWord(word), 8) ^ constant;
                // Doubling in GF(2^8); AES-128 reaches 0x1b and 0x36.
                constant = (constant << 1) ^ ((constant >> 7) * 0x11b);
            }
            else if (keyWords > 6 && i % keyWords == 4)
            {
                word = SubWord(word);
            }
            words[i] = words[i - keyWords] ^ word;
        }
    }

    private static uint SubWord(uint word) =>
        AesInstructions.KeygenAssist(Vector128.Create(0, word, 0, 0).AsByte(), 0).AsUInt32().GetElement(0);

    [InlineArray(Rounds256 + 1)]
    private struct RoundKeys
    {
        private Vector128<byte> _first;
    }
}
