using Mosaik.Primitives;

namespace Mosaik.Networking;

/// <summary>A link to a peer could not be made, or it ended.</summary>
public sealed class LinkException : MosaikException
{
    internal LinkException(
        LinkPhase phase,
        LinkErrorKind kind,
        PeerId? peer,
        string message,
        CloseCode? remoteCode = null,
        Exception? innerException = null)
        : base(message, innerException)
    {
        Phase = phase;
        Kind = kind;
        Peer = peer;
        RemoteCode = remoteCode;
    }

    /// <summary>What the link was doing.</summary>
    public LinkPhase Phase { get; }

    /// <summary>Why it failed.</summary>
    public LinkErrorKind Kind { get; }

    /// <summary>The peer at the other end, where known.</summary>
    public PeerId? Peer { get; }

    /// <summary>The application code the peer closed the connection with, if it was the peer and it gave one.</summary>
    public CloseCode? RemoteCode { get; }

    /// <summary>The protocol name that was expected, for <see cref="LinkErrorKind.InvalidAlpn"/>.</summary>
    public string? ExpectedAlpn { get; init; }

    /// <summary>The protocol name of the connection, for <see cref="LinkErrorKind.InvalidAlpn"/>.</summary>
    public string? ReceivedAlpn { get; init; }

    /// <summary>A lost connection can be made again; what the peer refuses or cannot be encoded stays so.</summary>
    public override bool IsTransient => Kind is LinkErrorKind.Io or LinkErrorKind.UnexpectedClose
        && (RemoteCode is not { } code || code == CloseCode.None || code == CloseCode.Cancelled);
}
