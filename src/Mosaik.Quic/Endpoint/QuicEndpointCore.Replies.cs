using Mosaik.Quic.Connection;
using Mosaik.Quic.Crypto;
using Mosaik.Quic.Paths;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Endpoint;

// Answers without a connection. Each is smaller than what it answers, and few wait at a time.
internal sealed partial class QuicEndpointCore
{
    /// <summary>The shortest stateless reset (RFC 9000 §10.3).</summary>
    private const int MinStatelessReset = 21;

    /// <summary>A stateless reset is no longer than this, like a small ordinary packet.</summary>
    private const int MaxStatelessReset = 42;

    /// <summary>Replies that wait to be sent; more are not made.</summary>
    private const int MaxQueuedReplies = 256;

    /// <summary>At most one stateless reset in this time (spec/quic.md §6.2).</summary>
    private static readonly TimeSpan ResetInterval = TimeSpan.FromMilliseconds(20);

    private readonly Queue<(PathAddress Path, byte[] Bytes)> _replies = new();
    private TimeSpan? _lastReset;

    private bool TryTakeReply(Span<byte> buffer, out Transmit transmit)
    {
        transmit = default;
        if (!_replies.TryDequeue(out (PathAddress Path, byte[] Bytes) reply))
            return false;
        reply.Bytes.CopyTo(buffer);
        transmit = new Transmit(reply.Path, reply.Bytes.Length, reply.Bytes.Length, Ecn.NotEct);
        return true;
    }

    private bool TryQueueStatelessReset(TimeSpan now, in PathAddress path, in ConnectionId id, int triggerLength)
    {
        // Shorter than its trigger, so that two endpoints cannot reset each other for ever (RFC 9000 §10.3.3).
        int length = Math.Min(triggerLength - 1, MaxStatelessReset);
        if (length < MinStatelessReset || _replies.Count >= MaxQueuedReplies
            || (_lastReset is { } last && now - last < ResetInterval))
        {
            return false;
        }
        _lastReset = now;
        byte[] reset = new byte[length];
        _random.Fill(reset.AsSpan(0, length - StatelessResetToken.Length));
        reset[0] = (byte)((reset[0] & 0x3f) | PacketHeader.FixedBit);
        StatelessResetToken.Create(_settings.StatelessResetKey.Span, id)
            .CopyTo(reset.AsSpan(length - StatelessResetToken.Length));
        _replies.Enqueue((path, reset));
        Statistics.ResetsSent++;
        return true;
    }

    private DatagramOutcome TryQueueVersionNegotiation(
        in PathAddress path, ReadOnlySpan<byte> datagram, in PacketHeader header)
    {
        if (datagram.Length < MinInitialDatagram || AcceptedAlpn.Count == 0 || _replies.Count >= MaxQueuedReplies)
            return DatagramOutcome.Dropped;
        ReadOnlySpan<uint> versions = [PacketHeader.Version1];
        ReadOnlySpan<byte> destination = datagram.Slice(header.SourceIdRange.Offset, header.SourceIdRange.Length);
        ReadOnlySpan<byte> source = datagram.Slice(header.DestinationIdRange.Offset, header.DestinationIdRange.Length);
        byte[] reply = new byte[7 + destination.Length + source.Length + 4 * versions.Length];
        byte randomBits = (byte)(_random.NextUInt64() & 0x7f);
        PacketHeaderWriter.WriteVersionNegotiation(reply, randomBits, destination, source, versions);
        _replies.Enqueue((path, reply));
        Statistics.VersionNegotiationsSent++;
        return DatagramOutcome.Replied;
    }

    private DatagramOutcome TryQueueRetry(TimeSpan now, in PathAddress path, in PacketHeader header)
    {
        if (_replies.Count >= MaxQueuedReplies)
            return DatagramOutcome.Dropped;
        ConnectionId source = ConnectionId.FromUInt64(_random.NextUInt64());
        Span<byte> token = stackalloc byte[RetryToken.MaxLength];
        token = token[..RetryToken.Write(
            _retryKey, now, path.Remote, header.DestinationConnectionId, source, token)];
        const int Room = 7 + 2 * ConnectionId.MaxLength + RetryToken.MaxLength + RetryIntegrityTag.Length;
        Span<byte> packet = stackalloc byte[Room];
        int length = PacketHeaderWriter.WriteRetry(packet, header.SourceConnectionId, source, token);
        Span<byte> original = stackalloc byte[ConnectionId.MaxLength];
        original = original[..header.DestinationConnectionId.CopyTo(original)];
        RetryIntegrityTag.Compute(original, packet[..length], packet.Slice(length, RetryIntegrityTag.Length));
        _replies.Enqueue((path, packet[..(length + RetryIntegrityTag.Length)].ToArray()));
        Statistics.RetriesSent++;
        return DatagramOutcome.Replied;
    }

    /// <summary>CONNECTION_CLOSE with CONNECTION_REFUSED in an Initial packet.</summary>
    private DatagramOutcome TryQueueRefusal(in PathAddress path, in PacketHeader header)
    {
        const int Room = 128;
        const int LengthSize = 2;
        if (_replies.Count >= MaxQueuedReplies)
            return DatagramOutcome.Dropped;
        Span<byte> id = stackalloc byte[ConnectionId.MaxLength];
        id = id[..header.DestinationConnectionId.CopyTo(id)];
        (PacketKeys client, PacketKeys server) = InitialKeys.Derive(id);
        using (client)
        using (server)
        {
            Span<byte> packet = stackalloc byte[Room];
            PacketHeaderLayout layout = PacketHeaderWriter.WriteLong(
                packet, PacketType.Initial, header.SourceConnectionId, ConnectionId.FromUInt64(_random.NextUInt64()),
                default, LengthSize, 0, 1);
            var writer = new FrameWriter(packet[layout.HeaderLength..^PacketProtection.TagLength]);
            writer.TryWriteConnectionClose((ulong)QuicError.ConnectionRefused, 0, default);
            int length = layout.HeaderLength + writer.Written + PacketProtection.TagLength;
            PacketHeaderWriter.PatchLength(packet, layout, length);
            PacketProtection.Seal(server, packet[..length], layout.PacketNumberOffset, layout.PacketNumberLength, 0);
            _replies.Enqueue((path, packet[..length].ToArray()));
        }
        Statistics.ConnectionsRefused++;
        return DatagramOutcome.Replied;
    }
}
