using System.Buffers.Binary;
using Mosaik.Quic.Connection;
using Mosaik.Quic.Paths;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Endpoint;

// From a datagram to its connection, or to a new one.
internal sealed partial class QuicEndpointCore
{
    /// <summary>A client's first Initial is in a datagram of at least this size (RFC 9000 §14.1).</summary>
    private const int MinInitialDatagram = 1200;

    /// <summary>The shortest destination id of a client's first Initial (RFC 9000 §7.2).</summary>
    private const int MinFirstDestinationLength = 8;

    /// <summary>Handles one datagram; its bytes are overwritten.</summary>
    /// <param name="now">The time.</param>
    /// <param name="path">Where it came from and to which of our addresses.</param>
    /// <param name="ecn">Its mark.</param>
    /// <param name="datagram">Its bytes.</param>
    /// <param name="connection">The connection that got it, if any.</param>
    public DatagramOutcome HandleDatagram(
        TimeSpan now, in PathAddress path, Ecn ecn, Span<byte> datagram, out QuicConnectionCore? connection)
    {
        DatagramOutcome outcome = Route(now, path, ecn, datagram, out connection);
        if (outcome == DatagramOutcome.Dropped)
            Statistics.DatagramsDropped++;
        return outcome;
    }

    private DatagramOutcome Route(
        TimeSpan now, in PathAddress path, Ecn ecn, Span<byte> datagram, out QuicConnectionCore? connection)
    {
        connection = null;
        if (datagram.IsEmpty)
        {
            Statistics.EmptyDatagrams++;
            return DatagramOutcome.Dropped;
        }
        if ((datagram[0] & PacketHeader.LongHeaderBit) != 0)
            return RouteLong(now, path, ecn, datagram, out connection);
        if (datagram.Length < 1 + ConnectionId.LocalLength)
            return DatagramOutcome.Dropped;
        ulong id = BinaryPrimitives.ReadUInt64BigEndian(datagram[1..]);
        if (_byId.TryGetValue(id, out connection))
        {
            connection.HandleDatagram(now, path, ecn, datagram);
            return DatagramOutcome.Routed;
        }
        if (TryHandleStatelessReset(now, datagram, out connection))
            return DatagramOutcome.Routed;
        return TryQueueStatelessReset(now, path, ConnectionId.FromUInt64(id), datagram.Length)
            ? DatagramOutcome.Replied
            : DatagramOutcome.Dropped;
    }

    private bool TryHandleStatelessReset(TimeSpan now, ReadOnlySpan<byte> datagram, out QuicConnectionCore? connection)
    {
        connection = null;
        if (datagram.Length < MinStatelessReset || _byResetToken.Count == 0)
            return false;
        ulong key = TokenTableKey(datagram[^StatelessResetToken.Length..]);
        if (!_byResetToken.TryGetValue(key, out List<QuicConnectionCore>? candidates))
            return false;
        // Handling a reset takes the connection out of the list.
        for (int i = candidates.Count - 1; i >= 0; i--)
        {
            connection = candidates[i];
            connection.HandleStatelessReset(now, datagram);
        }
        return true;
    }

    private DatagramOutcome RouteLong(
        TimeSpan now, in PathAddress path, Ecn ecn, Span<byte> datagram, out QuicConnectionCore? connection)
    {
        connection = null;
        if (!PacketHeader.TryParse(datagram, 0, out PacketHeader header))
            return DatagramOutcome.Dropped;
        ConnectionId destination = header.DestinationConnectionId;
        if ((destination.Length == ConnectionId.LocalLength && _byId.TryGetValue(destination.AsUInt64, out connection))
            || _byFirstDestination.TryGetValue(destination, out connection))
        {
            connection.HandleDatagram(now, path, ecn, datagram);
            return DatagramOutcome.Routed;
        }
        return header.Type switch
        {
            PacketType.UnknownVersion => TryQueueVersionNegotiation(path, datagram, header),
            PacketType.Initial when path.DialSocket == 0 => TryAccept(now, path, ecn, datagram, header, out connection),
            _ => DatagramOutcome.Dropped,
        };
    }

    private DatagramOutcome TryAccept(
        TimeSpan now, in PathAddress path, Ecn ecn, Span<byte> datagram, in PacketHeader header,
        out QuicConnectionCore? connection)
    {
        connection = null;
        if (AcceptedAlpn.Count == 0 || datagram.Length < MinInitialDatagram
            || header.DestinationConnectionId.Length < MinFirstDestinationLength || !header.HasSample)
        {
            return DatagramOutcome.Dropped;
        }
        SourceKey source = SourceKey.From(path.Remote.Address);
        if (UnfinishedHandshakes >= _settings.MaxUnfinishedHandshakes || IsSourceExhausted(source))
        {
            Statistics.HandshakesDropped++;
            return DatagramOutcome.Dropped;
        }
        if (_connections.Count >= _settings.MaxConnections || AwaitingAccept >= _settings.AcceptQueueCapacity)
            return TryQueueRefusal(path, header);

        ConnectionId original = header.DestinationConnectionId;
        ConnectionId? retrySource = null;
        ReadOnlySpan<byte> token = datagram.Slice(header.TokenRange.Offset, header.TokenRange.Length);
        if (!token.IsEmpty && RetryToken.TryValidate(
                _retryKey, now, path.Remote, header.DestinationConnectionId, token, out ConnectionId first))
        {
            original = first;
            retrySource = header.DestinationConnectionId;
        }
        else if (UnfinishedHandshakes >= _settings.HandshakePressureThreshold)
        {
            return TryQueueRetry(now, path, header);
        }

        connection = QuicConnectionCore.Accept(
            _settings.Connection, this, ++_lastConnectionNumber, now, path, AcceptedAlpn,
            header.DestinationConnectionId, original, retrySource);
        connection.HandleDatagram(now, path, ecn, datagram);
        if (!connection.HasReceivedAuthenticPacket)
        {
            // Not even an Initial anyone could have made: no state is kept for it.
            connection.Discard(now);
            _byId.Remove(connection.LocalInitialId.AsUInt64);
            connection = null;
            return DatagramOutcome.Dropped;
        }
        Register(connection);
        connection.Hooks.FirstDestination = header.DestinationConnectionId;
        _byFirstDestination.Add(header.DestinationConnectionId, connection);
        connection.Hooks.IsUnfinishedHandshake = true;
        connection.Hooks.Source = source;
        UnfinishedHandshakes++;
        _unfinishedBySource[source] = _unfinishedBySource.GetValueOrDefault(source) + 1;
        Statistics.ConnectionsAccepted++;
        return DatagramOutcome.Accepted;
    }

    private bool IsSourceExhausted(SourceKey source) =>
        UnfinishedHandshakes >= _settings.HandshakePressureThreshold
        && _unfinishedBySource.GetValueOrDefault(source) >= _settings.MaxUnfinishedHandshakesPerSource;
}
