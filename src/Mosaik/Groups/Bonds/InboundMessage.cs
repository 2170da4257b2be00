using System.Buffers;
using System.Runtime.InteropServices;
using Mosaik.Groups.Raft;

namespace Mosaik.Groups.Bonds;

/// <summary>A Raft message on its way from a bond's reader to the group's driver, without the bond tag.</summary>
/// <remarks>Messages that the core keeps slices of have memory of their own; the others borrow it.</remarks>
[StructLayout(LayoutKind.Auto)]
internal readonly struct InboundMessage
{
    private readonly byte[] _buffer;
    private readonly int _length;
    private readonly bool _isBorrowed;

    private InboundMessage(byte[] buffer, int length, bool isBorrowed)
    {
        _buffer = buffer;
        _length = length;
        _isBorrowed = isBorrowed;
    }

    /// <summary>The message.</summary>
    public ReadOnlyMemory<byte> Bytes => _buffer.AsMemory(0, _length);

    /// <summary>Copies a message out of the receive buffer.</summary>
    public static InboundMessage Copy(ReadOnlySpan<byte> message)
    {
        if (RaftWire.IsKept(message))
            return new InboundMessage(message.ToArray(), message.Length, isBorrowed: false);
        var buffer = ArrayPool<byte>.Shared.Rent(message.Length);
        message.CopyTo(buffer);
        return new InboundMessage(buffer, message.Length, isBorrowed: true);
    }

    /// <summary>The core has seen it.</summary>
    public void Release()
    {
        if (_isBorrowed)
            ArrayPool<byte>.Shared.Return(_buffer);
    }
}
