namespace Mosaik.Quic.Peer;

/// <summary>Exit codes, the same as those of the independent peer (interop/quic-peer/README.md).</summary>
internal enum ExitCode
{
    Ok = 0,
    Usage = 1,
    Handshake = 2,
    Lost = 3,
    Data = 4,
    Timeout = 5,
    System = 6,
}
