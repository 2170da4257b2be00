namespace Mosaik.Quic.Wire;

/// <summary>The transport parameters of one side (RFC 9000 §18.2, spec/quic.md §5).</summary>
/// <remarks>
/// <para>
/// <see cref="Encode"/> writes what spec/quic.md §5.1 lists, ascending by id in shortest varints, leaving out whatever
/// has its default; it is a pure function of the values. <see cref="TryParse"/> accepts any order, unknown and grease
/// parameters and ids in longer forms; it fails on a parameter that appears twice and on malformed or forbidden values
/// of known ones. <see cref="Validate"/> then compares what depends on the connection: the sender's role and the
/// connection ids seen on the wire (RFC 9000 §7.3). Every failure is TRANSPORT_PARAMETER_ERROR with the reason
/// returned.
/// </para>
/// <para>
/// Extensions (datagrams, multipath, acknowledgement frequency, address discovery) are neither sent nor kept: each of
/// them is active only when both sides send its parameter.
/// </para>
/// </remarks>
internal sealed record TransportParameters
{
    /// <summary>The smallest max_udp_payload_size that is legal.</summary>
    public const ulong SmallestMaxUdpPayloadSize = 1200;

    /// <summary>The default of max_udp_payload_size, the most a UDP datagram can hold.</summary>
    public const ulong DefaultMaxUdpPayloadSize = 65527;

    /// <summary>The length of a stateless reset token.</summary>
    public const int ResetTokenLength = 16;

    internal const ulong DefaultAckDelayExponent = 3;
    private const ulong LargestAckDelayExponent = 20;
    internal const ulong DefaultMaxAckDelayMilliseconds = 25;
    private const ulong MaxAckDelayLimit = 1 << 14;
    internal const ulong DefaultActiveConnectionIdLimit = 2;
    private const int InlineIds = 64;

    /// <summary>0x00, server only: the destination connection id of the client's first Initial.</summary>
    public ConnectionId? OriginalDestinationConnectionId { get; init; }

    /// <summary>0x01: milliseconds; 0 means no timeout of this side.</summary>
    public ulong MaxIdleTimeoutMilliseconds { get; init; }

    /// <summary>0x02, server only: 16 bytes that go with the first connection id; empty when absent.</summary>
    public ReadOnlyMemory<byte> StatelessResetToken { get; init; }

    /// <summary>0x03: the largest datagram this side accepts, at least 1200.</summary>
    public ulong MaxUdpPayloadSize { get; init; } = DefaultMaxUdpPayloadSize;

    /// <summary>0x04: bytes the peer may send on all streams together.</summary>
    public ulong InitialMaxData { get; init; }

    /// <summary>
    /// 0x05: bytes the peer may send on a bidirectional stream opened by the sender of this parameter.
    /// </summary>
    public ulong InitialMaxStreamDataBidiLocal { get; init; }

    /// <summary>
    /// 0x06: bytes the peer may send on a bidirectional stream opened by the receiver of this parameter.
    /// </summary>
    public ulong InitialMaxStreamDataBidiRemote { get; init; }

    /// <summary>0x07: bytes the peer may send on a unidirectional stream.</summary>
    public ulong InitialMaxStreamDataUni { get; init; }

    /// <summary>0x08: how many bidirectional streams the peer may open.</summary>
    public ulong InitialMaxStreamsBidi { get; init; }

    /// <summary>0x09: how many unidirectional streams the peer may open.</summary>
    public ulong InitialMaxStreamsUni { get; init; }

    /// <summary>0x0a: the power of two by which ACK delays of this side are scaled.</summary>
    public ulong AckDelayExponent { get; init; } = DefaultAckDelayExponent;

    /// <summary>0x0b: by how much this side may delay acknowledgements.</summary>
    public ulong MaxAckDelayMilliseconds { get; init; } = DefaultMaxAckDelayMilliseconds;

    /// <summary>0x0c: the peer shall not migrate to another address of its own.</summary>
    public bool DisableActiveMigration { get; init; }

    /// <summary>
    /// 0x0d, server only: present. It is checked for its form and otherwise ignored (spec/quic.md §5.2).
    /// </summary>
    public bool HasPreferredAddress { get; init; }

    /// <summary>0x0e: how many connection ids of the peer this side stores, at least 2.</summary>
    public ulong ActiveConnectionIdLimit { get; init; } = DefaultActiveConnectionIdLimit;

    /// <summary>0x0f: the source connection id of this side's first packet.</summary>
    public ConnectionId? InitialSourceConnectionId { get; init; }

    /// <summary>0x10, server only: the source connection id of its Retry.</summary>
    public ConnectionId? RetrySourceConnectionId { get; init; }

    /// <summary>The encoding, ascending by id.</summary>
    public byte[] Encode()
    {
        Span<byte> buffer = stackalloc byte[512];   // all known parameters at their longest stay below 250 bytes
        var writer = new TransportParameterWriter(buffer);
        if (OriginalDestinationConnectionId is { } original)
            writer.WriteId(TransportParameterId.OriginalDestinationConnectionId, original);
        if (MaxIdleTimeoutMilliseconds != 0)
            writer.WriteNumber(TransportParameterId.MaxIdleTimeout, MaxIdleTimeoutMilliseconds);
        if (!StatelessResetToken.IsEmpty)
            writer.WriteBytes(TransportParameterId.StatelessResetToken, StatelessResetToken.Span);
        if (MaxUdpPayloadSize != DefaultMaxUdpPayloadSize)
            writer.WriteNumber(TransportParameterId.MaxUdpPayloadSize, MaxUdpPayloadSize);
        if (InitialMaxData != 0)
            writer.WriteNumber(TransportParameterId.InitialMaxData, InitialMaxData);
        if (InitialMaxStreamDataBidiLocal != 0)
            writer.WriteNumber(TransportParameterId.InitialMaxStreamDataBidiLocal, InitialMaxStreamDataBidiLocal);
        if (InitialMaxStreamDataBidiRemote != 0)
            writer.WriteNumber(TransportParameterId.InitialMaxStreamDataBidiRemote, InitialMaxStreamDataBidiRemote);
        if (InitialMaxStreamDataUni != 0)
            writer.WriteNumber(TransportParameterId.InitialMaxStreamDataUni, InitialMaxStreamDataUni);
        if (InitialMaxStreamsBidi != 0)
            writer.WriteNumber(TransportParameterId.InitialMaxStreamsBidi, InitialMaxStreamsBidi);
        if (InitialMaxStreamsUni != 0)
            writer.WriteNumber(TransportParameterId.InitialMaxStreamsUni, InitialMaxStreamsUni);
        if (AckDelayExponent != DefaultAckDelayExponent)
            writer.WriteNumber(TransportParameterId.AckDelayExponent, AckDelayExponent);
        if (MaxAckDelayMilliseconds != DefaultMaxAckDelayMilliseconds)
            writer.WriteNumber(TransportParameterId.MaxAckDelay, MaxAckDelayMilliseconds);
        if (DisableActiveMigration)
            writer.WriteBytes(TransportParameterId.DisableActiveMigration, default);
        if (ActiveConnectionIdLimit != DefaultActiveConnectionIdLimit)
            writer.WriteNumber(TransportParameterId.ActiveConnectionIdLimit, ActiveConnectionIdLimit);
        if (InitialSourceConnectionId is { } source)
            writer.WriteId(TransportParameterId.InitialSourceConnectionId, source);
        if (RetrySourceConnectionId is { } retry)
            writer.WriteId(TransportParameterId.RetrySourceConnectionId, retry);
        return buffer[..writer.Written].ToArray();
    }

    /// <summary>Reads the content of TLS extension 57; null and a reason when it is malformed.</summary>
    public static TransportParameters? TryParse(ReadOnlySpan<byte> source, out string? reason)
    {
        if (!TryCheckUnique(source, out reason))
            return null;
        var builder = new TransportParameterBuilder(stackalloc ulong[TransportParameterBuilder.NumberCount]);
        int position = 0;
        while (position < source.Length)
        {
            ReadOnlySpan<byte> value = TransportParameterWriter.Next(source, ref position, out ulong id);
            if (!builder.TrySet(id, value))
            {
                reason = "malformed value of a transport parameter";
                return null;
            }
        }
        TransportParameters parameters = builder.Build();
        reason = parameters.FindForbiddenValue();
        return reason is null ? parameters : null;
    }

    /// <summary>
    /// Checks what depends on the connection: server-only parameters, and the connection ids that authenticate the
    /// handshake (RFC 9000 §7.3). Returns the reason of a TRANSPORT_PARAMETER_ERROR, or null.
    /// </summary>
    /// <param name="senderIsServer">True when the parameters came from a server.</param>
    /// <param name="initialSource">The source connection id of the sender's first packet.</param>
    /// <param name="originalDestination">From a server: the destination id of our very first Initial.</param>
    /// <param name="retrySource">From a server: the source id of the Retry we accepted, null without Retry.</param>
    public string? Validate(
        bool senderIsServer, in ConnectionId initialSource, in ConnectionId originalDestination, ConnectionId? retrySource)
    {
        if (InitialSourceConnectionId is not { } source || source != initialSource)
            return "initial_source_connection_id does not match";
        if (!senderIsServer)
        {
            bool serverOnly = OriginalDestinationConnectionId is not null || RetrySourceConnectionId is not null
                || !StatelessResetToken.IsEmpty || HasPreferredAddress;
            return serverOnly ? "server-only parameter from a client" : null;
        }
        if (OriginalDestinationConnectionId is not { } original || original != originalDestination)
            return "original_destination_connection_id does not match";
        return RetrySourceConnectionId == retrySource ? null : "retry_source_connection_id does not match";
    }

    private string? FindForbiddenValue()
    {
        if (MaxUdpPayloadSize < SmallestMaxUdpPayloadSize)
            return "max_udp_payload_size below 1200";
        if (InitialMaxStreamsBidi > FrameReader.MaxStreamCount || InitialMaxStreamsUni > FrameReader.MaxStreamCount)
            return "initial_max_streams above 2^60";
        if (AckDelayExponent > LargestAckDelayExponent)
            return "ack_delay_exponent above 20";
        if (MaxAckDelayMilliseconds >= MaxAckDelayLimit)
            return "max_ack_delay of 2^14 or more";
        return ActiveConnectionIdLimit < DefaultActiveConnectionIdLimit ? "active_connection_id_limit below 2" : null;
    }

    /// <summary>
    /// Checks that the bytes are a sequence of parameters and that none of them, known or not, appears twice.
    /// </summary>
    private static bool TryCheckUnique(ReadOnlySpan<byte> source, out string? reason)
    {
        reason = "truncated transport parameters";
        int count = 0;
        for (int position = 0; position < source.Length; count++)
        {
            if (!TransportParameterWriter.TrySkip(source, ref position, out _))
                return false;
        }
        // A parameter takes at least two bytes, so the list of ids is never more than four times the input.
        Span<ulong> ids = count <= InlineIds ? stackalloc ulong[InlineIds] : new ulong[count];
        ids = ids[..count];
        for (int i = 0, position = 0; i < count; i++)
            _ = TransportParameterWriter.TrySkip(source, ref position, out ids[i]);
        ids.Sort();
        for (int i = 1; i < count; i++)
        {
            if (ids[i] == ids[i - 1])
            {
                reason = "a transport parameter appears twice";
                return false;
            }
        }
        reason = null;
        return true;
    }
}
