namespace Mosaik.Networking;

/// <summary>What a link was doing when it failed.</summary>
public enum LinkPhase
{
    /// <summary>Connecting and opening the stream.</summary>
    Open,

    /// <summary>Taking the peer's stream.</summary>
    Accept,

    /// <summary>Waiting for or decoding a message.</summary>
    Receive,

    /// <summary>Encoding or writing a message.</summary>
    Send,

    /// <summary>Closing.</summary>
    Close,
}
