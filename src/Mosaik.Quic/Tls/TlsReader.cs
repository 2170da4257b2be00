using System.Buffers.Binary;

namespace Mosaik.Quic.Tls;

/// <summary>Reads TLS presentation language from a span. Nothing throws; a false answer means too few bytes.</summary>
internal ref struct TlsReader(ReadOnlySpan<byte> data)
{
    private ReadOnlySpan<byte> _rest = data;

    /// <summary>Whether every byte was read.</summary>
    internal readonly bool IsEmpty => _rest.IsEmpty;

    internal bool TryReadByte(out byte value)
    {
        if (_rest.IsEmpty)
        {
            value = 0;
            return false;
        }
        value = _rest[0];
        _rest = _rest[1..];
        return true;
    }

    internal bool TryReadUInt16(out ushort value)
    {
        if (!BinaryPrimitives.TryReadUInt16BigEndian(_rest, out value))
            return false;
        _rest = _rest[2..];
        return true;
    }

    internal bool TryReadBytes(int length, out ReadOnlySpan<byte> value)
    {
        if (_rest.Length < length)
        {
            value = default;
            return false;
        }
        value = _rest[..length];
        _rest = _rest[length..];
        return true;
    }

    /// <summary>A vector with a length of one byte.</summary>
    internal bool TryReadVector8(out ReadOnlySpan<byte> value)
    {
        value = default;
        return TryReadByte(out var length) && TryReadBytes(length, out value);
    }

    /// <summary>A vector with a length of two bytes.</summary>
    internal bool TryReadVector16(out ReadOnlySpan<byte> value)
    {
        value = default;
        return TryReadUInt16(out var length) && TryReadBytes(length, out value);
    }

    /// <summary>A vector with a length of three bytes.</summary>
    internal bool TryReadVector24(out ReadOnlySpan<byte> value)
    {
        value = default;
        return TryReadByte(out var high)
            && TryReadUInt16(out var low)
            && TryReadBytes((high << 16) | low, out value);
    }
}
