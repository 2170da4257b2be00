namespace Mosaik.Quic.Peer;

/// <summary>A bad command line.</summary>
internal sealed class UsageException(string message) : Exception(message);
