using System.Net.Sockets;

namespace Mosaik.Quic.Driver;

/// <summary>
/// The rules of segmentation offload (spec/performance.md §4.1), apart from the system calls, so that every error path can
/// be tested.
/// </summary>
/// <remarks>
/// Not thread-safe. The segment size is an option of the socket: it is set only when it changes, and set to 0 before a
/// single datagram that is longer than the value in force, which the kernel would otherwise split without a word.
/// </remarks>
internal abstract class SegmentedSender
{
    /// <summary>At most so many datagrams in one call (spec/performance.md §4.1 rule 2).</summary>
    public const int SegmentLimit = 32;

    /// <summary>At most so many bytes in one call.</summary>
    public const int ByteLimit = 60_000;

    private int _segmentSizeInForce;

    protected SegmentedSender(bool segmentation) => MaxSegments = segmentation ? SegmentLimit : 1;

    /// <summary>Datagrams one call may carry; 1 once segmentation has failed.</summary>
    public int MaxSegments { get; private set; }

    /// <summary>Datagrams sent again one by one, because the system refused the segmented call.</summary>
    public long SegmentationFallbacks { get; private set; }

    /// <summary>Sends datagrams of <paramref name="segmentSize"/> bytes each, the last maybe shorter.</summary>
    /// <remarks>
    /// A batch that had to be sent in parts and finds no room in the middle counts as sent: what is missing was lost on
    /// the way. Callers avoid it by giving no more than <see cref="MaxSegments"/> at a time.
    /// </remarks>
    public DatagramSendResult Send(ReadOnlySpan<byte> payload, int segmentSize)
    {
        var total = 0;
        while (total < payload.Length)
        {
            var limit = Math.Max(1, Math.Min(MaxSegments, ByteLimit / segmentSize)) * segmentSize;
            var part = Math.Min(payload.Length - total, limit);
            var result = SendPart(payload.Slice(total, part), segmentSize, out var sent);
            total += sent;
            if (result == DatagramSendResult.WouldBlock && total > 0)
                return DatagramSendResult.Sent;
            if (result != DatagramSendResult.Sent)
                return result;
        }
        return DatagramSendResult.Sent;
    }

    /// <summary>One system call; throws nothing.</summary>
    protected abstract SocketError SendRaw(ReadOnlySpan<byte> payload);

    /// <summary>Sets the segment size of the socket; false if the system refuses.</summary>
    protected abstract bool SetSegmentSize(int size);

    /// <summary>Segmentation was switched off for good, because of <paramref name="error"/>.</summary>
    protected abstract void OnSegmentationLost(SocketError error);

    private DatagramSendResult SendPart(ReadOnlySpan<byte> part, int segmentSize, out int sent)
    {
        if (part.Length <= segmentSize)
        {
            if (_segmentSizeInForce != 0 && part.Length > _segmentSizeInForce)
                ChangeSegmentSize(0);
            return Finish(SendRaw(part), part.Length, out sent);
        }

        if (_segmentSizeInForce != segmentSize && !ChangeSegmentSize(segmentSize))
        {
            LoseSegmentation(SocketError.ProtocolOption);
            return SendOneByOne(part, segmentSize, out sent);
        }

        var error = SendRaw(part);
        if (!IsSegmentationError(error))
            return Finish(error, part.Length, out sent);
        LoseSegmentation(error);
        return SendOneByOne(part, segmentSize, out sent);
    }

    private DatagramSendResult SendOneByOne(ReadOnlySpan<byte> part, int segmentSize, out int sent)
    {
        sent = 0;
        var result = DatagramSendResult.Sent;
        while (sent < part.Length && result == DatagramSendResult.Sent)
        {
            var length = Math.Min(segmentSize, part.Length - sent);
            result = Finish(SendRaw(part.Slice(sent, length)), length, out var done);
            SegmentationFallbacks++;
            sent += done;
        }
        return result;
    }

    private bool ChangeSegmentSize(int size)
    {
        if (!SetSegmentSize(size))
            return false;
        _segmentSizeInForce = size;
        return true;
    }

    private void LoseSegmentation(SocketError error)
    {
        MaxSegments = 1;
        // If even this fails the value stays in force, and single datagrams longer than it would be split: so it is
        // kept in mind, and tried again before each of them.
        if (_segmentSizeInForce != 0)
            ChangeSegmentSize(0);
        OnSegmentationLost(error);
    }

    /// <summary>EIO has no name of its own in the base class library and arrives as the generic error.</summary>
    private static bool IsSegmentationError(SocketError error) =>
        error is SocketError.SocketError or SocketError.InvalidArgument or SocketError.OperationNotSupported
            or SocketError.ProtocolOption;

    private static DatagramSendResult Finish(SocketError error, int length, out int sent)
    {
        var result = error switch
        {
            SocketError.Success => DatagramSendResult.Sent,
            SocketError.WouldBlock or SocketError.TryAgain or SocketError.IOPending or SocketError.TimedOut
                or SocketError.NoBufferSpaceAvailable => DatagramSendResult.WouldBlock,
            SocketError.MessageSize => DatagramSendResult.TooLarge,
            _ => DatagramSendResult.Unreachable,
        };
        sent = result == DatagramSendResult.WouldBlock ? 0 : length;
        return result;
    }
}
