using System.Security.Cryptography;
using Mosaik.Quic.Crypto;

namespace Mosaik.Quic.Tls;

/// <content>
/// Certificate, CertificateVerify and Finished, which are the same in both directions (RFC 8446 §4.4).
/// </content>
internal abstract partial class TlsHandshakeCore
{
    private const int SignaturePadding = 64;
    private const byte SignaturePaddingByte = 0x20;

    private static ReadOnlySpan<byte> ServerContext => "TLS 1.3, server CertificateVerify"u8;

    private static ReadOnlySpan<byte> ClientContext => "TLS 1.3, client CertificateVerify"u8;

    /// <summary>Longest text that CertificateVerify signs.</summary>
    internal const int MaxSignatureInputLength = SignaturePadding + 33 + 1 + TlsKeySchedule.MaxHashLength;

    /// <summary>
    /// Builds the text that CertificateVerify signs (spec/quic.md §3.5) and returns the written part.
    /// </summary>
    internal static ReadOnlySpan<byte> BuildSignatureInput(
        bool ofServer,
        ReadOnlySpan<byte> transcriptHash,
        Span<byte> destination)
    {
        var context = ofServer ? ServerContext : ClientContext;
        destination[..SignaturePadding].Fill(SignaturePaddingByte);
        var length = SignaturePadding;
        context.CopyTo(destination[length..]);
        length += context.Length;
        destination[length++] = 0;
        transcriptHash.CopyTo(destination[length..]);
        return destination[..(length + transcriptHash.Length)];
    }

    /// <summary>
    /// Appends the own Certificate, CertificateVerify and Finished to a flight and to the transcript.
    /// </summary>
    private protected void WriteAuthentication(TlsWriter writer, bool asServer, ReadOnlySpan<byte> trafficSecret)
    {
        Span<byte> hash = stackalloc byte[TlsKeySchedule.MaxHashLength];

        var start = writer.Length;
        var message = writer.BeginMessage(HandshakeType.Certificate);
        writer.Byte(0);
        var list = writer.Begin(3);
        var entry = writer.Begin(3);
        RawPublicKey.Write(writer, _settings.Identity.PublicKey.Span);
        writer.End(entry);
        writer.UInt16(0);
        writer.End(list);
        writer.End(message);
        Transcript.Append(writer.WrittenFrom(start));

        start = writer.Length;
        Span<byte> input = stackalloc byte[MaxSignatureInputLength];
        var signed = BuildSignatureInput(asServer, Transcript.Current(hash), input);
        message = writer.BeginMessage(HandshakeType.CertificateVerify);
        writer.UInt16(TlsConstants.Ed25519Scheme);
        var signature = writer.Begin(2);
        _settings.Identity.Sign(signed, writer.Take(Ed25519Strict.SignatureLength));
        writer.End(signature);
        writer.End(message);
        Transcript.Append(writer.WrittenFrom(start));

        start = writer.Length;
        message = writer.BeginMessage(HandshakeType.Finished);
        // Application secrets may be derived only after this; the schedule exists since ServerHello.
        Schedule!.ComputeFinished(trafficSecret, Transcript.Current(hash), writer.Take(Transcript.HashLength));
        writer.End(message);
        Transcript.Append(writer.WrittenFrom(start));
    }

    /// <summary>
    /// Takes the peer's key out of a Certificate message. Exactly one entry, no extensions (spec/quic.md §2.2).
    /// </summary>
    private protected bool HandleCertificate(
        ReadOnlySpan<byte> message,
        TlsAlert whenEmpty,
        out ReadOnlySpan<byte> peerKey)
    {
        peerKey = default;
        var reader = new TlsReader(message[TlsConstants.HeaderLength..]);
        if (!reader.TryReadVector8(out var context) || !reader.TryReadVector24(out var list) || !reader.IsEmpty)
            return Fail(TlsAlert.DecodeError, "malformed Certificate");
        if (!context.IsEmpty)
            return Fail(TlsAlert.IllegalParameter, "Certificate with a request context");
        if (list.IsEmpty)
            return Fail(whenEmpty, "the peer sent no certificate");
        reader = new TlsReader(list);
        if (!reader.TryReadVector24(out var structure)
            || !reader.TryReadVector16(out var extensions)
            || structure.IsEmpty)
        {
            return Fail(TlsAlert.DecodeError, "malformed certificate entry");
        }
        if (!reader.IsEmpty)
            return Fail(TlsAlert.BadCertificate, "more than one certificate entry");
        if (TlsExtensions.Check(extensions) is { } broken)
            return Fail(broken, "malformed extensions of a certificate entry");
        if (!extensions.IsEmpty)
            return Fail(TlsAlert.UnsupportedExtension, "a certificate entry with extensions");
        if (!RawPublicKey.TryParse(structure, out peerKey))
            return Fail(TlsAlert.BadCertificate, "the certificate is not an Ed25519 raw public key");
        peerKey.CopyTo(_peerKey);
        Transcript.Append(message);
        return true;
    }

    /// <summary>Checks the peer's signature over the transcript up to its Certificate.</summary>
    private protected bool HandleCertificateVerify(ReadOnlySpan<byte> message, bool ofServer)
    {
        var reader = new TlsReader(message[TlsConstants.HeaderLength..]);
        if (!reader.TryReadUInt16(out var scheme) || !reader.TryReadVector16(out var signature) || !reader.IsEmpty)
            return Fail(TlsAlert.DecodeError, "malformed CertificateVerify");
        if (scheme != TlsConstants.Ed25519Scheme)
            return Fail(TlsAlert.DecryptError, "CertificateVerify with another scheme than Ed25519");
        Span<byte> hash = stackalloc byte[TlsKeySchedule.MaxHashLength];
        Span<byte> input = stackalloc byte[MaxSignatureInputLength];
        var signed = BuildSignatureInput(ofServer, Transcript.Current(hash), input);
        if (!Ed25519Strict.Verify(_peerKey, signed, signature))
            return Fail(TlsAlert.DecryptError, "the signature of CertificateVerify is wrong");
        Transcript.Append(message);
        return true;
    }

    /// <summary>Checks the peer's Finished; the message is added to the transcript.</summary>
    private protected bool HandleFinished(ReadOnlySpan<byte> message, ReadOnlySpan<byte> trafficSecret)
    {
        var body = message[TlsConstants.HeaderLength..];
        if (body.Length != Transcript.HashLength)
            return Fail(TlsAlert.DecodeError, "malformed Finished");
        Span<byte> hash = stackalloc byte[TlsKeySchedule.MaxHashLength];
        Span<byte> expected = stackalloc byte[TlsKeySchedule.MaxHashLength];
        // The state allows a Finished only after ServerHello, which makes the schedule.
        var right = Schedule!.ComputeFinished(trafficSecret, Transcript.Current(hash), expected);
        if (!CryptographicOperations.FixedTimeEquals(right, body))
            return Fail(TlsAlert.DecryptError, "the peer's Finished is wrong");
        Transcript.Append(message);
        return true;
    }
}
