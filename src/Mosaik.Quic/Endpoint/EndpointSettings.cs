using System.Security.Cryptography;
using Mosaik.Quic.Connection;
using Mosaik.Quic.Crypto;

namespace Mosaik.Quic.Endpoint;

/// <summary>
/// Limits and keys of an endpoint core; defaults are those of spec/quic.md §16 and spec/reliability.md §11.
/// </summary>
internal sealed record EndpointSettings
{
    private const int ResetKeyLength = 32;

    /// <summary>What its connections share.</summary>
    public required ConnectionSettings Connection { get; init; }

    /// <summary>The key of stateless reset tokens.</summary>
    public required ReadOnlyMemory<byte> StatelessResetKey { get; init; }

    /// <summary>Protocols accepted at first; see <see cref="QuicEndpointCore.AcceptedAlpn"/>.</summary>
    public IReadOnlyList<string> AcceptedAlpn { get; init; } = [];

    /// <summary>Unfinished incoming handshakes (E1).</summary>
    public int MaxUnfinishedHandshakes { get; init; } = 1024;

    /// <summary>Above so many of them, new sources are sent a Retry and sources are limited (E1, E2).</summary>
    public int HandshakePressureThreshold { get; init; } = 256;

    /// <summary>Unfinished handshakes of one source under pressure (E2).</summary>
    public int MaxUnfinishedHandshakesPerSource { get; init; } = 64;

    /// <summary>Complete incoming connections that wait to be accepted (E1).</summary>
    public int AcceptQueueCapacity { get; init; } = 1024;

    /// <summary>Connections of both directions (E19).</summary>
    public int MaxConnections { get; init; } = 16_384;

    /// <summary>Received, unread bytes of all connections (E14).</summary>
    public long ReceiveBudget { get; init; } = 256L * 1024 * 1024;

    /// <summary>The part of <paramref name="options"/> that the core needs.</summary>
    public static EndpointSettings From(
        QuicOptions options, Ed25519SigningKey identity, Action<string>? keyLog) => new()
        {
            Connection = ConnectionSettings.From(options, identity, keyLog),
            StatelessResetKey = options.StatelessResetKey ?? DeriveResetKey(options.IdentitySeed.Span),
            AcceptedAlpn = options.AcceptedAlpn,
            MaxUnfinishedHandshakes = options.MaxUnfinishedHandshakes,
            HandshakePressureThreshold = options.HandshakePressureThreshold,
            MaxUnfinishedHandshakesPerSource = options.MaxUnfinishedHandshakesPerSource,
            AcceptQueueCapacity = options.AcceptQueueCapacity,
            MaxConnections = options.MaxConnections,
            ReceiveBudget = options.EndpointReceiveBudget,
        };

    /// <summary>
    /// A key that a restarted process finds again (RFC 9000 §10.3.2), and that reveals nothing of the seed.
    /// </summary>
    private static byte[] DeriveResetKey(ReadOnlySpan<byte> identitySeed)
    {
        byte[] key = new byte[ResetKeyLength];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, identitySeed, key, salt: [], info: "mosaik quic stateless reset"u8);
        return key;
    }
}
