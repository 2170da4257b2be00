using System.Runtime.InteropServices;

namespace Mosaik.Quic.Streams;

/// <summary>What the application should know about a stream.</summary>
internal enum StreamEventKind : byte
{
    /// <summary>
    /// The peer opened the stream (directly, or implicitly by using a higher one). Ascending per kind.
    /// </summary>
    Opened,

    /// <summary>Data or the end of the stream can be read. Once until everything readable was read.</summary>
    Readable,

    /// <summary>A write that was not accepted in full can go on.</summary>
    Writable,

    /// <summary>
    /// Everything written is acknowledged; only after <see cref="StreamSet.NotifyWhenAcknowledged"/>.
    /// </summary>
    AllAcknowledged,

    /// <summary>
    /// The peer sent STOP_SENDING with <see cref="StreamEvent.Code"/>; the stream was reset with the same code.
    /// </summary>
    SendStopped,

    /// <summary>The peer reset the stream with <see cref="StreamEvent.Code"/>; unread data is gone.</summary>
    ResetReceived,

    /// <summary>Both halves are done and consumed; the id is no longer known.</summary>
    Finished,

    /// <summary>
    /// After a refused <see cref="StreamSet.TryOpen"/> the peer allows more streams of the kind; the id is 0 for
    /// bidirectional and 2 for unidirectional streams.
    /// </summary>
    StreamsAvailable,
}

/// <summary>One event of a stream.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct StreamEvent(StreamEventKind Kind, StreamId Id, ulong Code = 0);
