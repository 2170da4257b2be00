using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>A discovery operation failed.</summary>
public sealed class DiscoveryException : MosaikException
{
    private DiscoveryException(DiscoveryError error, string message, Exception? innerException = null)
        : base(message, innerException) => Error = error;

    /// <summary>What happened.</summary>
    public DiscoveryError Error { get; }

    /// <summary>The id that was expected (of the key) or that the entry had before.</summary>
    public PeerId? ExpectedPeer { get; private init; }

    /// <summary>The id that was found in the entry, or attempted.</summary>
    public PeerId? ActualPeer { get; private init; }

    /// <summary>Our network, for <see cref="DiscoveryError.DifferentNetwork"/>.</summary>
    public NetworkId? LocalNetwork { get; private init; }

    /// <summary>The other node's network; zero if it did not say.</summary>
    public NetworkId? RemoteNetwork { get; private init; }

    /// <summary>A failed link may work later; the rest stays as it is.</summary>
    public override bool IsTransient => Error == DiscoveryError.Link && InnerException is not MosaikException { IsTransient: false };

    internal static DiscoveryException InvalidSecretKey(PeerId expected, PeerId actual) =>
        new(DiscoveryError.InvalidSecretKey, $"The key of {expected:S} cannot sign the entry of {actual:S}.")
        {
            ExpectedPeer = expected,
            ActualPeer = actual,
        };

    internal static DiscoveryException PeerIdChanged(PeerId was, PeerId attempted) =>
        new(DiscoveryError.PeerIdChanged, $"The entry of {was:S} cannot take an address of {attempted:S}.")
        {
            ExpectedPeer = was,
            ActualPeer = attempted,
        };

    internal static DiscoveryException DifferentNetwork(NetworkId local, NetworkId remote) =>
        new(DiscoveryError.DifferentNetwork, $"The peer belongs to network {remote:S}, not to {local:S}.")
        {
            LocalNetwork = local,
            RemoteNetwork = remote,
        };

    internal static DiscoveryException InvalidSignature(PeerId peer) =>
        new(DiscoveryError.InvalidSignature, $"The entry sent by {peer:S} is not validly signed.") { ExpectedPeer = peer };

    internal static DiscoveryException Link(PeerId peer, string what, Exception? innerException = null) =>
        new(DiscoveryError.Link, $"{what} with {peer:S} failed{(innerException is null ? "." : $": {innerException.Message}")}", innerException)
        {
            ExpectedPeer = peer,
        };

    internal static DiscoveryException UnexpectedPeer(PeerId dialled, PeerId answered) =>
        new(DiscoveryError.Link, $"{dialled:S} answered with the entry of {answered:S}.")
        {
            ExpectedPeer = dialled,
            ActualPeer = answered,
        };
}
