using System.Buffers;

namespace Mosaik.Networking;

/// <summary>Bytes that are their own encoding.</summary>
internal sealed class RawCodec : IFrameCodec<ReadOnlyMemory<byte>>
{
    public static RawCodec Instance { get; } = new();

    public void Encode(ReadOnlyMemory<byte> value, IBufferWriter<byte> destination) => destination.Write(value.Span);

    public bool TryDecode(ReadOnlySpan<byte> payload, out ReadOnlyMemory<byte> value, out DecodeError error)
    {
        value = payload.ToArray();
        error = default;
        return true;
    }
}
