using System.Buffers.Binary;

namespace Mosaik.Quic.Tls;

/// <summary>
/// Writes TLS presentation language into one growing array; lengths are patched when their vector ends.
/// </summary>
internal sealed class TlsWriter(int capacity)
{
    private byte[] _buffer = new byte[capacity];
    private int _length;

    /// <summary>How many bytes were written.</summary>
    internal int Length => _length;

    /// <summary>What was written. The writer is not used after its bytes were handed out.</summary>
    internal ReadOnlyMemory<byte> Memory => _buffer.AsMemory(0, _length);

    internal ReadOnlySpan<byte> WrittenFrom(int start) => _buffer.AsSpan(start, _length - start);

    internal void Byte(byte value) => Take(1)[0] = value;

    internal void UInt16(ushort value) => BinaryPrimitives.WriteUInt16BigEndian(Take(2), value);

    internal void Bytes(ReadOnlySpan<byte> value) => value.CopyTo(Take(value.Length));

    /// <summary>The next <paramref name="count"/> bytes, zero, for the caller to fill.</summary>
    internal Span<byte> Take(int count)
    {
        if (_buffer.Length - _length < count)
            Array.Resize(ref _buffer, Math.Max(_length + count, _buffer.Length * 2));
        var span = _buffer.AsSpan(_length, count);
        _length += count;
        return span;
    }

    /// <summary>
    /// Begins a vector whose length takes <paramref name="lengthBytes"/> bytes; see <see cref="End"/>.
    /// </summary>
    internal Mark Begin(int lengthBytes)
    {
        Take(lengthBytes);
        return new Mark(_length, lengthBytes);
    }

    /// <summary>Begins a handshake message; returns the place of its first byte as well, for the transcript.</summary>
    internal Mark BeginMessage(HandshakeType type)
    {
        Byte((byte)type);
        return Begin(3);
    }

    /// <summary>Begins an extension.</summary>
    internal Mark BeginExtension(ushort type)
    {
        UInt16(type);
        return Begin(2);
    }

    /// <summary>Ends a vector by patching its length.</summary>
    /// <exception cref="InvalidOperationException">The content does not fit the length field.</exception>
    internal void End(Mark mark)
    {
        var length = _length - mark.Start;
        if (length >> (8 * mark.LengthBytes) != 0)
            throw new InvalidOperationException("A vector is longer than its length field allows.");
        for (var i = 1; i <= mark.LengthBytes; i++)
        {
            _buffer[mark.Start - i] = (byte)length;
            length >>= 8;
        }
    }

    /// <summary>Where the content of an open vector starts, and how wide its length is.</summary>
    [System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Auto)]
    internal readonly record struct Mark(int Start, int LengthBytes);
}
