using System.Security.Cryptography;

namespace Mosaik.Quic.Crypto;

/// <summary>
/// AES header protection by one ECB transform kept for the life of the key, where AES instructions do not exist.
/// </summary>
internal sealed class AesTransformHeaderProtection : HeaderProtection
{
    private readonly Aes _aes;
    private readonly ICryptoTransform _transform;

    // TransformBlock takes arrays only; both are owned by this object, which is used by one loop.
    private readonly byte[] _input = new byte[SampleLength];
    private readonly byte[] _output = new byte[SampleLength];

    internal AesTransformHeaderProtection(ReadOnlySpan<byte> key)
    {
        _aes = Aes.Create();
        // One block in ECB mode is the bare AES block function that RFC 9001 §5.4.3 asks for.
#pragma warning disable CA5358 // No message is encrypted with it.
        _aes.Mode = CipherMode.ECB;
#pragma warning restore CA5358
        _aes.Padding = PaddingMode.None;
        _aes.SetKey(key);
        _transform = _aes.CreateEncryptor();
    }

    /// <inheritdoc/>
    internal override void ComputeMask(ReadOnlySpan<byte> sample, Span<byte> mask)
    {
        sample[..SampleLength].CopyTo(_input);
        _transform.TransformBlock(_input, 0, SampleLength, _output, 0);
        _output.AsSpan(0, MaskLength).CopyTo(mask);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _transform.Dispose();
        _aes.Dispose();
    }
}
