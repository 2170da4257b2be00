using System.Runtime.InteropServices;

namespace Mosaik.Quic.Wire;

/// <summary>
/// Collects parameters while they are parsed: known ones are decoded, unknown ones skipped; one allocation at the end.
/// </summary>
[StructLayout(LayoutKind.Auto)]
internal ref struct TransportParameterBuilder
{
    /// <summary>How many numbers the caller provides room for: one per known id.</summary>
    public const int NumberCount = (int)TransportParameterId.RetrySourceConnectionId + 1;

    // IPv4 address and port, IPv6 address and port; then id length, at least one byte of id, token (RFC 9000 §18.2).
    private const int PreferredAddressIdOffset = 4 + 2 + 16 + 2;

    private readonly Span<ulong> _numbers;
    private ConnectionId? _originalDestination;
    private ConnectionId? _initialSource;
    private ConnectionId? _retrySource;
    private byte[]? _resetToken;
    private bool _disableActiveMigration;
    private bool _hasPreferredAddress;

    /// <summary>
    /// A builder with the defaults of RFC 9000 §18.2, over scratch memory of <see cref="NumberCount"/> numbers.
    /// </summary>
    public TransportParameterBuilder(Span<ulong> numbers)
    {
        _numbers = numbers;
        _numbers.Clear();
        _numbers[(int)TransportParameterId.MaxUdpPayloadSize] = TransportParameters.DefaultMaxUdpPayloadSize;
        _numbers[(int)TransportParameterId.AckDelayExponent] = TransportParameters.DefaultAckDelayExponent;
        _numbers[(int)TransportParameterId.MaxAckDelay] = TransportParameters.DefaultMaxAckDelayMilliseconds;
        _numbers[(int)TransportParameterId.ActiveConnectionIdLimit] = TransportParameters.DefaultActiveConnectionIdLimit;
    }

    /// <summary>Takes over one parameter; false when its value is malformed.</summary>
    public bool TrySet(ulong id, scoped ReadOnlySpan<byte> value)
    {
        switch (id)
        {
            case TransportParameterId.OriginalDestinationConnectionId:
                return TryReadId(value, ref _originalDestination);
            case TransportParameterId.InitialSourceConnectionId:
                return TryReadId(value, ref _initialSource);
            case TransportParameterId.RetrySourceConnectionId:
                return TryReadId(value, ref _retrySource);
            case TransportParameterId.StatelessResetToken:
                if (value.Length != TransportParameters.ResetTokenLength)
                    return false;
                _resetToken = value.ToArray();
                return true;
            case TransportParameterId.DisableActiveMigration:
                _disableActiveMigration = true;
                return value.IsEmpty;
            case TransportParameterId.PreferredAddress:
                _hasPreferredAddress = true;
                return IsPreferredAddress(value);
            case > TransportParameterId.RetrySourceConnectionId:
                return true;
            default:
                return VarInt.TryRead(value, out _numbers[(int)id], out int length) && length == value.Length;
        }
    }

    /// <summary>What was collected.</summary>
    public readonly TransportParameters Build() => new()
    {
        OriginalDestinationConnectionId = _originalDestination,
        MaxIdleTimeoutMilliseconds = _numbers[(int)TransportParameterId.MaxIdleTimeout],
        StatelessResetToken = _resetToken,
        MaxUdpPayloadSize = _numbers[(int)TransportParameterId.MaxUdpPayloadSize],
        InitialMaxData = _numbers[(int)TransportParameterId.InitialMaxData],
        InitialMaxStreamDataBidiLocal = _numbers[(int)TransportParameterId.InitialMaxStreamDataBidiLocal],
        InitialMaxStreamDataBidiRemote = _numbers[(int)TransportParameterId.InitialMaxStreamDataBidiRemote],
        InitialMaxStreamDataUni = _numbers[(int)TransportParameterId.InitialMaxStreamDataUni],
        InitialMaxStreamsBidi = _numbers[(int)TransportParameterId.InitialMaxStreamsBidi],
        InitialMaxStreamsUni = _numbers[(int)TransportParameterId.InitialMaxStreamsUni],
        AckDelayExponent = _numbers[(int)TransportParameterId.AckDelayExponent],
        MaxAckDelayMilliseconds = _numbers[(int)TransportParameterId.MaxAckDelay],
        DisableActiveMigration = _disableActiveMigration,
        HasPreferredAddress = _hasPreferredAddress,
        ActiveConnectionIdLimit = _numbers[(int)TransportParameterId.ActiveConnectionIdLimit],
        InitialSourceConnectionId = _initialSource,
        RetrySourceConnectionId = _retrySource,
    };

    private static bool TryReadId(ReadOnlySpan<byte> value, ref ConnectionId? target)
    {
        if (!ConnectionId.TryRead(value, value.Length, out ConnectionId id))
            return false;
        target = id;
        return true;
    }

    private static bool IsPreferredAddress(ReadOnlySpan<byte> value)
    {
        if (value.Length <= PreferredAddressIdOffset)
            return false;
        int idLength = value[PreferredAddressIdOffset];
        return idLength is > 0 and <= ConnectionId.MaxLength
            && value.Length == PreferredAddressIdOffset + 1 + idLength + TransportParameters.ResetTokenLength;
    }
}
