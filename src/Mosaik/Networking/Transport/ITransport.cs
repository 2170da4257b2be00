using System.Net;
using Mosaik.Primitives;

namespace Mosaik.Networking.Transport;

/// <summary>
/// What a node needs from the world below: authenticated connections to peers by id. QUIC implements it, and networks
/// in memory for tests.
/// </summary>
/// <remarks>
/// Thread-safe. Both ends of every connection have proved their ids when it is handed out. Continuations run on the
/// scheduler of <see cref="TransportOptions"/>. Disposal closes all connections with code 0 and an empty reason.
/// </remarks>
public interface ITransport : IAsyncDisposable
{
    /// <summary>The id that this end proves.</summary>
    PeerId LocalId { get; }

    /// <summary>The addresses the transport is bound to; with wildcards as they are.</summary>
    IReadOnlyList<IPEndPoint> LocalEndPoints { get; }

    /// <summary>
    /// Addresses at which peers may reach this node now: the bound ones, wildcards replaced by those of the interfaces.
    /// </summary>
    IReadOnlyList<IPEndPoint> LocalAddresses { get; }

    /// <summary>
    /// Raised after <see cref="LocalAddresses"/> may have changed. Handlers are quick and do not throw.
    /// </summary>
    event EventHandler? LocalAddressesChanged;

    /// <summary>Replaces the protocols accepted from peers whose handshake begins from now on.</summary>
    /// <param name="protocols">ALPN names in order of preference; empty refuses everybody.</param>
    void SetAcceptedAlpn(IReadOnlyList<string> protocols);

    /// <summary>Connects to a peer over the first address that works.</summary>
    /// <param name="peer">The id that the other end must prove.</param>
    /// <param name="addresses">Where it may be, in order of preference. Kinds the transport does not know are left
    /// out.</param>
    /// <param name="alpn">The protocol.</param>
    /// <param name="cancellationToken">Abandons the attempt.</param>
    /// <returns>A connection whose handshake is complete.</returns>
    /// <exception cref="TransportException">No address worked.</exception>
    ValueTask<ITransportConnection> ConnectAsync(
        PeerId peer, IReadOnlyList<TransportAddress> addresses, string alpn, CancellationToken cancellationToken = default);

    /// <summary>The next incoming connection whose handshake is complete.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The connection; the caller owns it.</returns>
    /// <exception cref="TransportException">The transport is closed.</exception>
    ValueTask<ITransportConnection> AcceptAsync(CancellationToken cancellationToken = default);

    /// <summary>Ends everything at once, without a word to anybody: what peers see is silence.</summary>
    void Abort();
}
