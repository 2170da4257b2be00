using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using Aes = System.Security.Cryptography.Aes;
using AesInstructions = System.Runtime.Intrinsics.X86.Aes;

namespace Mosaik.Bench.Floors;

/// <summary>
/// What every QUIC packet of 1200 bytes must pay for its encryption and nothing else: one AES-128-GCM call and one AES
/// block for the header protection, with reused objects. The block goes the fastest way there is: processor instructions
/// where the machine has them, else a reused transform.
/// </summary>
internal sealed class PacketCipher : IDisposable
{
    private const int PacketNumberOffset = 9;
    private const int PacketNumberLength = 4;
    private const int HeaderLength = PacketNumberOffset + PacketNumberLength;
    private const int TagLength = 16;
    private const int Block = 16;
    private const int Rounds = 10;

    /// <summary>What a datagram carries for the application.</summary>
    public const int PayloadLength = NativeUdp.DatagramSize - HeaderLength - TagLength - 7;

    private readonly AesGcm _aead = new(new byte[Block], TagLength);
    private readonly Aes _aes = Aes.Create();
    private readonly ICryptoTransform _block;
    private readonly byte[] _sample = new byte[Block];
    private readonly byte[] _mask = new byte[Block];
    private readonly byte[] _nonce = new byte[12];

    // Which round keys does not matter for the cost of a block, so they are no real key schedule.
    private readonly Vector128<byte>[] _roundKeys =
        [.. Enumerable.Range(0, Rounds + 1).Select(static round => Vector128.Create((byte)(37 * (round + 1))))];

    public PacketCipher()
    {
        _aes.Key = new byte[Block];
#pragma warning disable CA5358 // Header protection is defined as one AES block (RFC 9001 §5.4.3).
        _aes.Mode = CipherMode.ECB;
#pragma warning restore CA5358
        _aes.Padding = PaddingMode.None;
        _block = _aes.CreateEncryptor();
    }

    public void Seal(Span<byte> packet, uint number)
    {
        packet[0] = 0x43;
        BinaryPrimitives.WriteUInt32BigEndian(packet[PacketNumberOffset..], number);
        BinaryPrimitives.WriteUInt32BigEndian(_nonce.AsSpan(8), number);
        var payload = packet[HeaderLength..^TagLength];
        _aead.Encrypt(_nonce, payload, payload, packet[^TagLength..], packet[..HeaderLength]);
        Mask(packet);
    }

    public void Open(Span<byte> packet)
    {
        Mask(packet);
        packet.Slice(PacketNumberOffset, PacketNumberLength).CopyTo(_nonce.AsSpan(8));
        var payload = packet[HeaderLength..^TagLength];
        _aead.Decrypt(_nonce, payload, packet[^TagLength..], payload, packet[..HeaderLength]);
    }

    public void Dispose()
    {
        _aead.Dispose();
        _block.Dispose();
        _aes.Dispose();
    }

    private void Mask(Span<byte> packet)
    {
        var sample = packet.Slice(PacketNumberOffset + 4, Block);
        if (AesInstructions.IsSupported)
        {
            var keys = _roundKeys;
            var block = Vector128.Create<byte>(sample) ^ keys[0];
            for (var i = 1; i < Rounds; i++)
                block = AesInstructions.Encrypt(block, keys[i]);
            AesInstructions.EncryptLast(block, keys[Rounds]).CopyTo(_mask);
        }
        else
        {
            sample.CopyTo(_sample);
            _block.TransformBlock(_sample, 0, Block, _mask, 0);
        }

        packet[0] ^= (byte)(_mask[0] & 0x1F);
        var number = packet.Slice(PacketNumberOffset, PacketNumberLength);
        MemoryMarshal.Cast<byte, uint>(number)[0] ^= MemoryMarshal.Read<uint>(_mask.AsSpan(1));
    }
}
