using System.Buffers.Binary;
using System.Text;
using Mosaik.Quic.Crypto;

namespace Mosaik.Quic.Tls;

/// <content>What the server makes of a ClientHello: the checks in the order of spec/quic.md §3.7.</content>
internal sealed partial class TlsServerHandshake
{
    private bool HandleClientHello(ReadOnlySpan<byte> message)
    {
        if (!ClientHello.TryParse(message[TlsConstants.HeaderLength..], out var hello))
            return Fail(TlsAlert.DecodeError, "malformed ClientHello");
        if (TlsExtensions.Check(hello.Extensions) is { } broken)
            return Fail(broken, "malformed or repeated extensions in ClientHello");
        if (!hello.SessionId.IsEmpty)
            return Fail(QuicError.ProtocolViolation, "ClientHello with a legacy session id");
        if (!hello.CompressionMethods.SequenceEqual((ReadOnlySpan<byte>)[0]))
            return Fail(TlsAlert.IllegalParameter, "ClientHello with compression");
        if (_state == State.SecondClientHello && !IsSameHello(hello))
            return Fail(TlsAlert.IllegalParameter, "the second ClientHello differs from the first");
        if (!CheckVersion(hello.Extensions)
            || !Find(hello, ExtensionType.SupportedGroups, out var groupList)
            || !Find(hello, ExtensionType.KeyShare, out var shares)
            || !Find(hello, ExtensionType.SignatureAlgorithms, out var schemeList)
            || !Find(hello, ExtensionType.QuicTransportParameters, out var parameters)
            || !CheckPreSharedKey(hello.Extensions))
        {
            return false;
        }
        if (!ClientHello.TryReadNumbers(groupList, out var groups)
            || !ClientHello.TryReadNumbers(schemeList, out var schemes))
        {
            return Fail(TlsAlert.DecodeError, "malformed list in ClientHello");
        }
        if (!TrySelectSuite(hello.CipherSuites))
            return Fail(TlsAlert.HandshakeFailure, "no common cipher suite");
        if (!ClientHello.Contains(schemes, TlsConstants.Ed25519Scheme))
            return Fail(TlsAlert.HandshakeFailure, "the client does not accept Ed25519 signatures");
        if (!CheckCertificateType(hello.Extensions, ExtensionType.ClientCertificateType)
            || !CheckCertificateType(hello.Extensions, ExtensionType.ServerCertificateType)
            || !TrySelectAlpn(hello.Extensions, out var alpn)
            || !TrySelectShare(groups, shares, out var group, out var share))
        {
            return false;
        }
        if (TlsExtensions.TryFind(hello.Extensions, ExtensionType.ServerName, out var name))
            ServerName = ReadServerName(name);
        hello.Random.CopyTo(ClientRandom);
        if (share.IsEmpty)
            return SendRetry(message, group);
        if (!Transcript.IsSelected)
            Transcript.Select(CipherSuite);
        Transcript.Append(message);
        ReportTransportParameters(parameters);
        using var exchange = CreateExchange(group);
        return SendFlight(exchange, share, alpn);
    }

    // A retry is answered by the same hello with another share; the first one was parsed before.
    private bool IsSameHello(ClientHello second) =>
        ClientHello.TryParse(_firstHello.AsSpan(TlsConstants.HeaderLength), out var first)
        && first.IsRepeatedBy(second);

    private bool Find(ClientHello hello, ushort type, out ReadOnlySpan<byte> data) =>
        TlsExtensions.TryFind(hello.Extensions, type, out data)
        || Fail(TlsAlert.MissingExtension, $"ClientHello without extension {type}");

    private bool CheckVersion(ReadOnlySpan<byte> extensions)
    {
        if (!TlsExtensions.TryFind(extensions, ExtensionType.SupportedVersions, out var data))
            return Fail(TlsAlert.ProtocolVersion, "ClientHello without supported_versions");
        var reader = new TlsReader(data);
        if (!reader.TryReadVector8(out var versions)
            || !reader.IsEmpty
            || versions.Length < 2
            || versions.Length % 2 != 0)
        {
            return Fail(TlsAlert.DecodeError, "malformed supported_versions");
        }
        return ClientHello.Contains(versions, TlsConstants.Tls13)
            || Fail(TlsAlert.ProtocolVersion, "the client does not offer TLS 1.3");
    }

    // Tickets are not accepted, so its content does not matter, but its place does (RFC 8446 §4.2.11).
    private bool CheckPreSharedKey(ReadOnlySpan<byte> block)
    {
        var seen = false;
        var extensions = new TlsExtensions(block);
        while (extensions.TryNext(out var type, out _))
        {
            if (seen)
                return Fail(TlsAlert.IllegalParameter, "pre_shared_key is not the last extension");
            seen = type == ExtensionType.PreSharedKey;
        }
        return true;
    }

    // The client's order wins (spec/quic.md §3.1).
    private bool TrySelectSuite(ReadOnlySpan<byte> offered)
    {
        for (var i = 0; i < offered.Length; i += 2)
        {
            var suite = (CipherSuite)BinaryPrimitives.ReadUInt16BigEndian(offered[i..]);
            if (!_settings.CipherSuites.Contains(suite))
                continue;
            CipherSuite = suite;
            return true;
        }
        return false;
    }

    private bool CheckCertificateType(ReadOnlySpan<byte> extensions, ushort type)
    {
        if (!TlsExtensions.TryFind(extensions, type, out var data))
            return Fail(TlsAlert.UnsupportedCertificate, $"ClientHello without extension {type}");
        var reader = new TlsReader(data);
        if (!reader.TryReadVector8(out var types) || types.IsEmpty || !reader.IsEmpty)
            return Fail(TlsAlert.DecodeError, "malformed certificate types");
        return types.Contains(TlsConstants.RawPublicKeyType)
            || Fail(TlsAlert.UnsupportedCertificate, "the client does not offer raw public keys");
    }

    // The first of the own names that the client offers (spec/quic.md §4.2).
    private bool TrySelectAlpn(ReadOnlySpan<byte> extensions, out ReadOnlySpan<byte> selected)
    {
        selected = default;
        if (!TlsExtensions.TryFind(extensions, ExtensionType.Alpn, out var data))
            return Fail(TlsAlert.NoApplicationProtocol, "ClientHello without ALPN");
        var outer = new TlsReader(data);
        if (!outer.TryReadVector16(out var list) || list.IsEmpty || !outer.IsEmpty)
            return Fail(TlsAlert.DecodeError, "malformed ALPN");
        Span<byte> encoded = stackalloc byte[byte.MaxValue];
        var best = int.MaxValue;
        var reader = new TlsReader(list);
        while (!reader.IsEmpty)
        {
            if (!reader.TryReadVector8(out var offered) || offered.IsEmpty)
                return Fail(TlsAlert.DecodeError, "malformed ALPN");
            for (var i = 0; i < _settings.Alpn.Count && i < best; i++)
            {
                var length = Encoding.UTF8.GetBytes(_settings.Alpn[i], encoded);
                if (!offered.SequenceEqual(encoded[..length]))
                    continue;
                best = i;
                selected = offered;
            }
        }
        if (best == int.MaxValue)
            return Fail(TlsAlert.NoApplicationProtocol, "no common application protocol");
        Alpn = _settings.Alpn[best];
        return true;
    }

    // The first own group with a share; without one the first common group is asked for (spec/quic.md §3.8).
    private bool TrySelectShare(
        ReadOnlySpan<byte> clientGroups,
        ReadOnlySpan<byte> shares,
        out NamedGroup group,
        out ReadOnlySpan<byte> share)
    {
        group = default;
        share = default;
        NamedGroup? common = null;
        foreach (var own in _settings.Groups)
        {
            if (!ClientHello.TryReadShare(shares, own, out var found, out var occurrences, out var count))
                return Fail(TlsAlert.DecodeError, "malformed key share");
            var listed = ClientHello.Contains(clientGroups, (ushort)own);
            if (occurrences > 1 || (occurrences == 1 && !listed))
                return Fail(TlsAlert.IllegalParameter, "a key share twice or for a group that is not listed");
            if (_state == State.SecondClientHello && own == _retryGroup && (occurrences != 1 || count != 1))
                return Fail(TlsAlert.IllegalParameter, "the second ClientHello has not exactly the requested share");
            if (!listed)
                continue;
            common ??= own;
            if (!found.IsEmpty && share.IsEmpty)
            {
                group = own;
                share = found;
            }
        }
        if (common is not { } first)
            return Fail(TlsAlert.HandshakeFailure, "no common key-exchange group");
        if (share.IsEmpty)
            group = first;
        return true;
    }
}
