using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Mosaik.Bench.Floors;

/// <summary>
/// What every QUIC packet of 1200 bytes must pay for its encryption and nothing else: one AES-128-GCM call and one AES
/// block for the header protection, with reused objects.
/// </summary>
internal sealed class PacketCipher : IDisposable
{
    private const int PacketNumberOffset = 9;
    private const int PacketNumberLength = 4;
    private const int HeaderLength = PacketNumberOffset + PacketNumberLength;
    private const int TagLength = 16;

    /// <summary>What a datagram carries for the application.</summary>
    public const int PayloadLength = NativeUdp.DatagramSize - HeaderLength - TagLength - 7;

    private readonly AesGcm _aead = new(new byte[16], TagLength);
    private readonly Aes _aes = Aes.Create();
    private readonly ICryptoTransform _block;
    private readonly byte[] _sample = new byte[16];
    private readonly byte[] _mask = new byte[16];
    private readonly byte[] _nonce = new byte[12];

    public PacketCipher()
    {
        _aes.Key = new byte[16];
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
        packet.Slice(PacketNumberOffset + 4, 16).CopyTo(_sample);
        _block.TransformBlock(_sample, 0, 16, _mask, 0);
        packet[0] ^= (byte)(_mask[0] & 0x1F);
        for (var i = 0; i < PacketNumberLength; i++)
            packet[PacketNumberOffset + i] ^= _mask[1 + i];
    }
}
