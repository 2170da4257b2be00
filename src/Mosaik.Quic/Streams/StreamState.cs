namespace Mosaik.Quic.Streams;

/// <summary>Control frames a stream has to send.</summary>
[Flags]
internal enum StreamControl : byte
{
    None = 0,
    ResetStream = 1,
    StopSending = 2,
    MaxStreamData = 4,
    StreamDataBlocked = 8,
}

/// <summary>
/// One stream: its halves and its places in the lists of <see cref="StreamSet"/>. The list nodes live as long as the
/// stream, so that joining and leaving a list costs no memory.
/// </summary>
internal sealed class StreamState
{
    /// <summary>A stream with the halves that exist for it.</summary>
    public StreamState(StreamId id, SendStream? send, ReceiveStream? receive)
    {
        Id = id;
        Send = send;
        Receive = receive;
        ControlNode = new LinkedListNode<StreamState>(this);
        UrgentNode = new LinkedListNode<StreamState>(this);
        NewNode = new LinkedListNode<StreamState>(this);
        MemoryNode = new LinkedListNode<StreamState>(this);
    }

    /// <summary>The id.</summary>
    public StreamId Id { get; }

    /// <summary>The sending half; null for streams only the peer sends on.</summary>
    public SendStream? Send { get; }

    /// <summary>The receiving half; null for streams only we send on.</summary>
    public ReceiveStream? Receive { get; }

    /// <summary>Control frames to send.</summary>
    public StreamControl Control { get; set; }

    /// <summary>Place among the streams with control frames.</summary>
    public LinkedListNode<StreamState> ControlNode { get; }

    /// <summary>Place among the streams that can send without credit.</summary>
    public LinkedListNode<StreamState> UrgentNode { get; }

    /// <summary>Place among the streams with new data, in turn.</summary>
    public LinkedListNode<StreamState> NewNode { get; }

    /// <summary>Place among the streams whose writers wait for memory of the connection.</summary>
    public LinkedListNode<StreamState> MemoryNode { get; }

    /// <summary>True when both halves are done.</summary>
    public bool IsTerminal => Send is not { IsTerminal: false } && Receive is not { IsTerminal: false };
}
