using System.Net;
using Mosaik.Quic.Crypto;
using Mosaik.Quic.Driver;

namespace Mosaik.Quic;

/// <summary>
/// One identity on one or more UDP sockets: dials peers by address and public key, and accepts connections.
/// </summary>
/// <remarks>
/// Thread-safe. Both sides of every connection prove their Ed25519 key; who may do what is decided above. Disposal
/// closes all connections with code 0 and waits briefly until the close packets have left.
/// </remarks>
public sealed class QuicEndpoint : IAsyncDisposable
{
    private readonly QuicEndpointDriver _driver;

    private QuicEndpoint(QuicEndpointDriver driver) => _driver = driver;

    /// <summary>Opens the sockets and starts to receive.</summary>
    /// <exception cref="ArgumentException">An option is invalid; the message names it.</exception>
    /// <exception cref="System.Net.Sockets.SocketException">A socket cannot be bound.</exception>
    public static QuicEndpoint Bind(QuicOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        return new QuicEndpoint(new QuicEndpointDriver(options));
    }

    /// <summary>
    /// The addresses the sockets are bound to, in the order of <see cref="QuicOptions.BindEndPoints"/>.
    /// </summary>
    public IReadOnlyList<IPEndPoint> LocalEndPoints => _driver.LocalEndPoints;

    /// <summary>The 32-byte public key of this endpoint.</summary>
    public ReadOnlyMemory<byte> PublicKey => _driver.PublicKey;

    /// <summary>
    /// Dials <paramref name="remote"/> and completes when the handshake is complete and the peer has proved
    /// <paramref name="peerKey"/>. One attempt with one address; racing several addresses is the caller's.
    /// </summary>
    /// <param name="remote">Where the peer listens.</param>
    /// <param name="peerKey">The 32-byte public key the peer must prove.</param>
    /// <param name="alpn">Protocols offered, the wanted one first; the server picks one of them.</param>
    /// <param name="cancellationToken">Abandons the attempt.</param>
    /// <exception cref="QuicException">
    /// The attempt failed (<see cref="QuicErrorKind.ConnectFailed"/>, with the close info), or the endpoint is closed.
    /// </exception>
    /// <exception cref="ArgumentException">The key is not a public key, is our own, or an ALPN name is
    /// invalid.</exception>
    public ValueTask<QuicConnection> ConnectAsync(
        IPEndPoint remote,
        ReadOnlyMemory<byte> peerKey,
        IReadOnlyList<string> alpn,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(remote);
        ArgumentNullException.ThrowIfNull(alpn);
        if (!Ed25519Strict.IsValidPoint(peerKey.Span))
            throw new ArgumentException("Not an Ed25519 public key.", nameof(peerKey));
        if (peerKey.Span.SequenceEqual(PublicKey.Span))
            throw new ArgumentException("An endpoint does not dial itself.", nameof(peerKey));
        if (alpn.Count == 0)
            throw new ArgumentException("At least one protocol must be offered.", nameof(alpn));
        QuicOptions.ValidateAlpn(alpn, nameof(alpn));
        // Copies: the caller keeps its memory and its list.
        return _driver.ConnectAsync(remote, peerKey.ToArray(), [.. alpn], cancellationToken);
    }

    /// <summary>The next incoming connection whose handshake is complete, in the order of completion.</summary>
    /// <remarks>Any number of callers may wait; each connection goes to one of them, first come first served.</remarks>
    /// <exception cref="QuicException">The endpoint is closed.</exception>
    public ValueTask<QuicConnection> AcceptAsync(CancellationToken cancellationToken = default) =>
        _driver.AcceptAsync(cancellationToken);

    /// <summary>Replaces the protocols accepted from clients whose handshake begins from now on.</summary>
    /// <exception cref="ArgumentException">A name is invalid.</exception>
    public void SetAcceptedAlpn(IReadOnlyList<string> alpn)
    {
        QuicOptions.ValidateAlpn(alpn, nameof(alpn));
        _driver.SetAcceptedAlpn([.. alpn]);
    }

    /// <summary>
    /// Ends everything at once: connections are forgotten without a word to their peers, pending operations fail. For
    /// crash simulations and emergencies; <see cref="DisposeAsync"/> is the polite way.
    /// </summary>
    public void Abort() => _driver.Abort();

    /// <summary>
    /// Closes all connections with code 0, waits briefly until the close packets have left, closes the sockets.
    /// </summary>
    public ValueTask DisposeAsync() => _driver.CloseAsync();
}
