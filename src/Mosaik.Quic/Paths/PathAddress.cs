using System.Net;
using System.Runtime.InteropServices;

namespace Mosaik.Quic.Paths;

/// <summary>The addresses of a path: where the peer is, and from which of our addresses to answer.</summary>
/// <remarks>
/// Two values are equal when their remote addresses are: our side only pins the source of answers, may be
/// unknown, and
/// is no reason to call a path another one (this endpoint does not migrate on its own). IPv4-mapped IPv6 addresses
/// become
/// IPv4 (spec/quic.md §13, trap 28). Neither construction from a canonical end point nor comparison allocates.
/// </remarks>
[StructLayout(LayoutKind.Auto)]
internal readonly struct PathAddress : IEquatable<PathAddress>
{
    /// <summary>The addresses of a datagram.</summary>
    public PathAddress(IPEndPoint remote, IPAddress? local = null, int dialSocket = 0)
    {
        ArgumentNullException.ThrowIfNull(remote);
        Remote = remote.Address.IsIPv4MappedToIPv6 ? new IPEndPoint(remote.Address.MapToIPv4(), remote.Port) : remote;
        Local = local is { IsIPv4MappedToIPv6: true } ? local.MapToIPv4() : local;
        DialSocket = dialSocket;
    }

    /// <summary>The peer's address and port.</summary>
    public IPEndPoint Remote { get; }

    /// <summary>Our address, or null if it is not known.</summary>
    public IPAddress? Local { get; }

    /// <summary>
    /// The number of our socket, if it is one that serves a single connection which we dialled; 0 for sockets of the
    /// endpoint. Nobody is accepted there, since the socket ends with its connection.
    /// </summary>
    public int DialSocket { get; }

    /// <summary>
    /// Whether only the port differs: mostly a NAT's doing, so the route is the same (RFC 9000 §9.4).
    /// </summary>
    public bool HasSameHost(in PathAddress other) => Remote.Address.Equals(other.Remote.Address);

    /// <inheritdoc/>
    public bool Equals(PathAddress other) =>
        ReferenceEquals(Remote, other.Remote)
        || (Remote is not null && other.Remote is not null
            && Remote.Port == other.Remote.Port && Remote.Address.Equals(other.Remote.Address));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is PathAddress other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => Remote?.GetHashCode() ?? 0;

    /// <inheritdoc/>
    public override string ToString() => Remote?.ToString() ?? "none";

    /// <summary>Equal remote addresses.</summary>
    public static bool operator ==(PathAddress left, PathAddress right) => left.Equals(right);

    /// <summary>Different remote addresses.</summary>
    public static bool operator !=(PathAddress left, PathAddress right) => !left.Equals(right);
}
