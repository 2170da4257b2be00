using System.Security.Cryptography;
using Mosaik.Quic.Crypto;

namespace Mosaik.Quic.Tls;

/// <summary>
/// The running hash over all handshake messages (RFC 8446 §4.4.1). A client learns the hash only with the ServerHello,
/// so its ClientHello waits until then.
/// </summary>
internal sealed class TlsTranscript : IDisposable
{
    private IncrementalHash? _hash;
    private ReadOnlyMemory<byte> _waiting;

    /// <summary>Whether the hash is known.</summary>
    internal bool IsSelected => _hash is not null;

    /// <summary>Length of the hash.</summary>
    internal int HashLength => Selected.HashLengthInBytes;

    private IncrementalHash Selected =>
        _hash ?? throw new InvalidOperationException("The hash of the transcript is not selected.");

    /// <summary>Adds the first ClientHello of a client; the bytes are kept until the hash is selected.</summary>
    internal void AppendBeforeSelection(ReadOnlyMemory<byte> message) => _waiting = message;

    /// <summary>Selects the hash and hashes what waits.</summary>
    internal void Select(CipherSuite suite)
    {
        _hash = IncrementalHash.CreateHash(suite.Hash);
        _hash.AppendData(_waiting.Span);
        _waiting = default;
    }

    /// <summary>Adds a whole message with its header.</summary>
    internal void Append(ReadOnlySpan<byte> message) => Selected.AppendData(message);

    /// <summary>Writes the hash of everything so far and goes on; returns the written part.</summary>
    internal ReadOnlySpan<byte> Current(Span<byte> destination) =>
        destination[..Selected.GetCurrentHash(destination)];

    /// <summary>
    /// Replaces everything so far, which is the first ClientHello, by a message_hash message: the rule for
    /// HelloRetryRequest.
    /// </summary>
    internal void ReplaceByMessageHash()
    {
        var hash = Selected;
        Span<byte> message = stackalloc byte[TlsConstants.HeaderLength + TlsKeySchedule.MaxHashLength];
        message[0] = (byte)HandshakeType.MessageHash;
        message[1] = 0;
        message[2] = 0;
        message[3] = (byte)hash.HashLengthInBytes;
        var length = hash.GetHashAndReset(message[TlsConstants.HeaderLength..]);
        hash.AppendData(message[..(TlsConstants.HeaderLength + length)]);
    }

    /// <inheritdoc/>
    public void Dispose() => _hash?.Dispose();
}
