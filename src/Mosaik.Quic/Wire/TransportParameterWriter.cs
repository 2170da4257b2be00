namespace Mosaik.Quic.Wire;

/// <summary>Writes and walks the sequence "id, length, value" that transport parameters are (RFC 9000 §18).</summary>
internal ref struct TransportParameterWriter(Span<byte> destination)
{
    private readonly Span<byte> _destination = destination;

    /// <summary>The bytes written.</summary>
    public int Written { get; private set; }

    /// <summary>A parameter that holds a number.</summary>
    public void WriteNumber(ulong id, ulong value)
    {
        Put(id);
        Put((ulong)VarInt.Length(value));
        Put(value);
    }

    /// <summary>A parameter that holds a connection id.</summary>
    public void WriteId(ulong id, in ConnectionId value)
    {
        Put(id);
        Put((ulong)value.Length);
        Written += value.CopyTo(_destination[Written..]);
    }

    /// <summary>A parameter that holds bytes, or nothing.</summary>
    public void WriteBytes(ulong id, ReadOnlySpan<byte> value)
    {
        Put(id);
        Put((ulong)value.Length);
        value.CopyTo(_destination[Written..]);
        Written += value.Length;
    }

    /// <summary>Moves behind the parameter at <paramref name="position"/>; false when it is truncated.</summary>
    public static bool TrySkip(ReadOnlySpan<byte> source, ref int position, out ulong id)
    {
        if (!VarInt.TryRead(source, ref position, out id) || !VarInt.TryRead(source, ref position, out ulong length)
            || length > (ulong)(source.Length - position))
        {
            return false;
        }
        position += (int)length;
        return true;
    }

    /// <summary>The value of the parameter at <paramref name="position"/>, known to be complete.</summary>
    public static ReadOnlySpan<byte> Next(ReadOnlySpan<byte> source, ref int position, out ulong id)
    {
        int end = position;
        _ = TrySkip(source, ref end, out id);
        VarInt.TryRead(source, ref position, out _);
        VarInt.TryRead(source, ref position, out _);
        ReadOnlySpan<byte> value = source[position..end];
        position = end;
        return value;
    }

    private void Put(ulong value) => Written += VarInt.Write(_destination[Written..], value);
}
