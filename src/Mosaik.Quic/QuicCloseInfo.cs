namespace Mosaik.Quic;

/// <summary>Why and by whom a connection was ended.</summary>
/// <param name="Kind">How the connection came to its end.</param>
/// <param name="IsRemote">True if the peer ended the connection; false for our own close and for timeouts.</param>
/// <param name="Code">
/// The application code for <see cref="QuicCloseKind.Application"/>, a <see cref="QuicError"/> for
/// <see cref="QuicCloseKind.Transport"/>, otherwise 0.
/// </param>
/// <param name="Reason">The reason phrase, which may be empty and may have been cut to fit a datagram.</param>
public sealed record QuicCloseInfo(QuicCloseKind Kind, bool IsRemote, ulong Code, string Reason)
{
    /// <summary>One line for logs and exception messages.</summary>
    public override string ToString()
    {
        var by = IsRemote ? "by the peer" : "locally";
        var text = Kind switch
        {
            QuicCloseKind.Application => $"closed {by} with application code {Code}",
            QuicCloseKind.Transport => $"closed {by} with transport error 0x{Code:x} ({NameOf(Code)})",
            QuicCloseKind.IdleTimeout => "timed out: nothing was heard from the peer",
            QuicCloseKind.HandshakeTimeout => "timed out before the handshake was complete",
            QuicCloseKind.StatelessReset => "reset: the peer no longer knows the connection",
            _ => "refused: the peer speaks no common QUIC version",
        };
        return Reason.Length == 0 ? text : $"{text}: {Reason}";
    }

    private static string NameOf(ulong code) => code is >= (ulong)QuicError.CryptoError and < 0x200
        ? $"TLS alert {code - (ulong)QuicError.CryptoError}"
        : ((QuicError)code).ToString();
}
