namespace Mosaik.Discovery;

/// <summary>The answer to a ping.</summary>
/// <param name="Entry">The peer's entry, freshly signed for this answer.</param>
/// <param name="Rtt">The round-trip time of the connection; null if the transport has none.</param>
public sealed record PingResult(SignedPeerEntry Entry, TimeSpan? Rtt);
