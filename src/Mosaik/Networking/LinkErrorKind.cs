namespace Mosaik.Networking;

/// <summary>Why a link failed (spec/wire.md §11).</summary>
public enum LinkErrorKind
{
    /// <summary>
    /// The connection could not be made, or it ended; <see cref="LinkException.RemoteCode"/> tells what the peer said.
    /// </summary>
    Io,

    /// <summary>The connection speaks another protocol than expected.</summary>
    InvalidAlpn,

    /// <summary>A message could not be decoded. The link is closed.</summary>
    Decode,

    /// <summary>A message could not be encoded. The link stays open.</summary>
    Encode,

    /// <summary>
    /// A frame is above the limit: a received one closes the link, one to be sent is refused and leaves it open.
    /// </summary>
    FrameTooLarge,

    /// <summary>The peer ended its stream without closing the connection.</summary>
    UnexpectedClose,

    /// <summary>The link was closed before.</summary>
    AlreadyClosed,

    /// <summary>The peer closed with a code the exchange does not expect.</summary>
    UnexpectedReason,

    /// <summary>Anything else.</summary>
    Unknown,
}
