using Mosaik.Networking.Transport;
using Mosaik.Primitives;

namespace Mosaik.Networking;

/// <summary>A connection that a peer has opened, on its way to the protocol's handler.</summary>
internal sealed class InboundConnection
{
    private readonly LinkContext _context;
    private readonly long _acceptedAt;

    internal InboundConnection(
        LinkContext context, WireProtocol protocol, ITransportConnection connection, long acceptedAt)
    {
        _context = context;
        _acceptedAt = acceptedAt;
        Protocol = protocol;
        Connection = connection;
    }

    /// <summary>The protocol.</summary>
    public WireProtocol Protocol { get; }

    /// <summary>The connection.</summary>
    public ITransportConnection Connection { get; }

    /// <summary>The peer, which has proved its id.</summary>
    public PeerId RemoteId => Connection.RemoteId;

    /// <summary>
    /// The deadline for stream and first message: counts from acceptance, a wait for a place included.
    /// </summary>
    public Deadline StartDeadline(CancellationToken cancellationToken) =>
        StartDeadline(Protocol.FirstMessageDeadline, cancellationToken);

    /// <summary>The same with a limit of the handler's own.</summary>
    public Deadline StartDeadline(TimeSpan limit, CancellationToken cancellationToken)
    {
        var left = limit - _context.TimeProvider.GetElapsedTime(_acceptedAt);
        return new Deadline(
            _context.TimeProvider, left, $"The first message of {Protocol}", RemoteId, null, cancellationToken);
    }

    /// <summary>Takes the peer's stream.</summary>
    public ValueTask<Link> AcceptLinkAsync(Deadline deadline, CancellationToken owner) =>
        Link.AcceptAsync(_context, Protocol, Connection, deadline, owner);
}
