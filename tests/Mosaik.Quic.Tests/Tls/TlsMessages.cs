using System.Buffers.Binary;
using Mosaik.Quic.Tls;

namespace Mosaik.Quic.Tests.Tls;

/// <summary>Builds and edits handshake messages without any regard for correctness.</summary>
internal static class TlsMessages
{
    internal static byte[] Message(byte type, params byte[] body) =>
        [type, (byte)(body.Length >> 16), (byte)(body.Length >> 8), (byte)body.Length, .. body];

    internal static byte[] Vector8(params byte[] content) => [(byte)content.Length, .. content];

    internal static byte[] Vector16(params byte[] content) =>
        [(byte)(content.Length >> 8), (byte)content.Length, .. content];

    internal static byte[] Vector24(params byte[] content) => [0, .. Vector16(content)];

    internal static byte[] UInt16(int value) => [(byte)(value >> 8), (byte)value];

    internal static byte[] Extensions(IEnumerable<(ushort Type, byte[] Data)> extensions) =>
        Vector16([.. extensions.SelectMany(e => (byte[])[.. UInt16(e.Type), .. Vector16(e.Data)])]);

    internal static byte[] Hex(string hex) => Convert.FromHexString(hex);

    /// <summary>Splits a block of extensions, without its length.</summary>
    internal static List<(ushort Type, byte[] Data)> Split(ReadOnlySpan<byte> block)
    {
        var list = new List<(ushort, byte[])>();
        var extensions = new TlsExtensions(block);
        while (extensions.TryNext(out var type, out var data))
            list.Add((type, data.ToArray()));
        return list;
    }
}

/// <summary>A ClientHello that can be edited part by part.</summary>
internal sealed class EditableClientHello
{
    internal EditableClientHello(byte[] message)
    {
        Assert.True(ClientHello.TryParse(message.AsSpan(4), out var hello));
        Random = hello.Random.ToArray();
        Suites = hello.CipherSuites.ToArray();
        Extensions = TlsMessages.Split(hello.Extensions);
    }

    internal byte[] Version { get; set; } = [3, 3];

    internal byte[] Random { get; set; }

    internal byte[] SessionId { get; set; } = [];

    internal byte[] Suites { get; set; }

    internal byte[] Compression { get; set; } = [0];

    internal List<(ushort Type, byte[] Data)> Extensions { get; }

    internal byte[] Trailing { get; set; } = [];

    internal void Remove(ushort type) => Assert.Equal(1, Extensions.RemoveAll(e => e.Type == type));

    internal void Set(ushort type, params byte[] data)
    {
        var index = Extensions.FindIndex(e => e.Type == type);
        if (index < 0)
            Extensions.Add((type, data));
        else
            Extensions[index] = (type, data);
    }

    internal byte[] Encode() => TlsMessages.Message(
        1,
        [
            .. Version, .. Random, .. TlsMessages.Vector8(SessionId), .. TlsMessages.Vector16(Suites),
            .. TlsMessages.Vector8(Compression), .. TlsMessages.Extensions(Extensions), .. Trailing,
        ]);
}

/// <summary>
/// One side of a handshake made of loose parts, so that any part can be wrong: the parts that are not touched are
/// those of an honest peer, with the right signatures and Finished over whatever was sent.
/// </summary>
internal sealed class TlsPuppet : IDisposable
{
    private readonly TlsTranscript _transcript = new();
    private readonly bool _isServer;
    private TlsKeySchedule? _schedule;

    internal TlsPuppet(bool isServer)
    {
        _isServer = isServer;
        Identity = isServer ? TlsPair.ServerIdentity : TlsPair.ClientIdentity;
        SubjectPublicKeyInfo = [.. RawPublicKey.Prefix, .. Identity.PublicKey.Span];
    }

    internal Quic.Crypto.Ed25519SigningKey Identity { get; }

    internal Quic.Crypto.CipherSuite Suite { get; set; } = Quic.Crypto.CipherSuite.Aes256GcmSha384;

    internal Quic.Crypto.KeyExchange Exchange { get; set; } =
        Quic.Crypto.X25519Exchange.FromPrivateKey(TlsPair.PuppetPrivateKey);

    // ServerHello
    internal byte[] Version { get; set; } = [3, 3];

    internal byte[] SessionId { get; set; } = [];

    internal byte[]? SuiteBytes { get; set; }

    internal byte Compression { get; set; }

    internal List<(ushort Type, byte[] Data)>? HelloExtensions { get; set; }

    // EncryptedExtensions and CertificateRequest
    internal List<(ushort Type, byte[] Data)> Encrypted { get; } =
    [
        (16, TlsMessages.Vector16(TlsMessages.Vector8([.. "mosaik/test"u8]))), (19, [2]), (20, [2]), (57, [1, 1, 5]),
    ];

    internal byte[] RequestContext { get; set; } = [];

    internal List<(ushort Type, byte[] Data)> Request { get; } = [(13, [0, 2, 8, 7])];

    // Certificate, CertificateVerify, Finished
    internal byte[] SubjectPublicKeyInfo { get; set; }

    internal byte[] CertificateContext { get; set; } = [];

    internal byte[] EntryExtensions { get; set; } = [];

    internal byte[]? CertificateList { get; set; }

    internal ushort Scheme { get; set; } = 0x0807;

    internal bool SignAsOtherRole { get; set; }

    internal Func<byte[], byte[]> EditSignature { get; set; } = signature => signature;

    internal Func<byte[], byte[]> EditFinished { get; set; } = verifyData => verifyData;

    /// <summary>Changes, drops or repeats whole messages: name and message in, bytes out.</summary>
    internal Func<string, byte[], byte[]> Edit { get; set; } = (_, message) => message;

    internal void Observe(byte[] message)
    {
        if (!_transcript.IsSelected)
            _transcript.Select(Suite);
        _transcript.Append(message);
    }

    internal void ObserveRetry(byte[] retry)
    {
        _transcript.ReplaceByMessageHash();
        _transcript.Append(retry);
    }

    /// <summary>A ServerHello, or with the magic random a HelloRetryRequest; not yet in the transcript.</summary>
    internal byte[] Hello(ReadOnlySpan<byte> random) => TlsMessages.Message(
        2,
        [
            .. Version, .. random, .. TlsMessages.Vector8(SessionId), .. SuiteBytes ?? TlsMessages.UInt16((int)Suite),
            Compression,
            .. TlsMessages.Extensions(HelloExtensions ??
            [
                (43, [3, 4]),
                (51, [.. TlsMessages.UInt16((int)Exchange.Group), .. TlsMessages.Vector16(Exchange.PublicShare.ToArray())]),
            ]),
        ]);

    internal void EnterHandshake(ReadOnlySpan<byte> peerShare)
    {
        var secret = new byte[32];
        Assert.True(Exchange.TryAgree(peerShare, secret));
        _schedule = new TlsKeySchedule(Suite);
        _schedule.EnterHandshake(secret, Hash());
    }

    /// <summary>The Handshake flight of this side.</summary>
    internal byte[] Flight()
    {
        var flight = new List<byte>();
        if (_isServer)
        {
            Add("EncryptedExtensions", TlsMessages.Message(8, TlsMessages.Extensions(Encrypted)));
            Add("CertificateRequest", TlsMessages.Message(
                13, [.. TlsMessages.Vector8(RequestContext), .. TlsMessages.Extensions(Request)]));
        }
        byte[] entry = [.. TlsMessages.Vector24(SubjectPublicKeyInfo), .. TlsMessages.Vector16(EntryExtensions)];
        Add("Certificate", TlsMessages.Message(
            11, [.. TlsMessages.Vector8(CertificateContext), .. TlsMessages.Vector24(CertificateList ?? entry)]));
        var input = TlsHandshakeCore.BuildSignatureInput(
            _isServer != SignAsOtherRole, Hash(), new byte[TlsHandshakeCore.MaxSignatureInputLength]);
        var signature = new byte[64];
        Identity.Sign(input, signature);
        Add("CertificateVerify", TlsMessages.Message(
            15, [.. TlsMessages.UInt16(Scheme), .. TlsMessages.Vector16(EditSignature(signature))]));
        var traffic = _isServer ? _schedule!.ServerHandshakeTraffic : _schedule!.ClientHandshakeTraffic;
        var verifyData = _schedule.ComputeFinished(traffic, Hash(), new byte[48]).ToArray();
        Add("Finished", TlsMessages.Message(20, EditFinished(verifyData)));
        return [.. flight];

        void Add(string name, byte[] message)
        {
            var edited = Edit(name, message);
            _transcript.Append(edited);
            flight.AddRange(edited);
        }
    }

    /// <summary>Walks the messages of a flight into the transcript.</summary>
    internal void ObserveAll(ReadOnlySpan<byte> flight)
    {
        while (!flight.IsEmpty)
        {
            var length = 4 + (int)(BinaryPrimitives.ReadUInt32BigEndian(flight) & 0xffffff);
            _transcript.Append(flight[..length]);
            flight = flight[length..];
        }
    }

    public void Dispose()
    {
        _transcript.Dispose();
        _schedule?.Dispose();
        Exchange.Dispose();
    }

    private byte[] Hash() => _transcript.Current(new byte[48]).ToArray();
}
