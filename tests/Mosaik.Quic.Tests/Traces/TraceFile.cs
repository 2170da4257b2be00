using System.Text.Json;
using System.Text.Json.Serialization;
using Mosaik.Quic.Crypto;

namespace Mosaik.Quic.Tests.Traces;

/// <summary>
/// One recorded connection of <c>vectors/quic-traces</c>; the README there defines every field. A field that is not
/// known here makes loading fail.
/// </summary>
internal sealed record TraceFile(
    string Format,
    string Name,
    string Description,
    TraceSide Client,
    TraceSide Server,
    TraceNegotiated Negotiated,
    TraceConnectionIds ConnectionIds,
    TraceParameters TransportParameters,
    string[] KeyLog,
    TraceKeys Keys,
    TraceDeterministic? Deterministic,
    TraceMessage[] Tls,
    TraceExporter Exporter,
    TraceStream[] Streams,
    TraceClose Close,
    TraceDatagram[] Datagrams)
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Converters = { new HexConverter() },
    };

    private static readonly Lazy<TraceFile[]> Loaded = new(LoadAll);

    /// <summary>
    /// Every trace of the directory, by name. Byte arrays are shared: a test copies before it opens in place.
    /// </summary>
    internal static IReadOnlyList<TraceFile> All => Loaded.Value;

    /// <summary>The four whose profile side must be reproduced byte for byte.</summary>
    internal static IEnumerable<TraceFile> AllDeterministic => All.Where(trace => trace.Deterministic is not null);

    /// <summary>The suite of the Handshake and 1-RTT levels.</summary>
    internal CipherSuite Suite =>
        (CipherSuite)Convert.ToUInt16(Negotiated.CipherSuite, fromBase: 16);

    /// <summary>The group of the key exchange.</summary>
    internal NamedGroup Group => (NamedGroup)Convert.ToUInt16(Negotiated.Group, fromBase: 16);

    /// <summary>One trace by its name without extension.</summary>
    internal static TraceFile Get(string name) => All.Single(trace => trace.Name == name);

    /// <summary>The names as theory data.</summary>
    internal static TheoryData<string> Names(Func<TraceFile, bool> filter) =>
        [.. All.Where(filter).Select(trace => trace.Name)];

    /// <summary>The secret of a key-log line.</summary>
    internal byte[] KeyLogSecret(string label) =>
        Convert.FromHexString(KeyLog.Single(line => line.StartsWith(label + " ", StringComparison.Ordinal)).Split(' ')[2]);

    /// <summary>Which side sent something.</summary>
    internal TraceSide SideOf(string from) => from == "client" ? Client : Server;

    private static TraceFile[] LoadAll()
    {
        var files = Directory.GetFiles(Shared.PathOf("vectors", "quic-traces"), "*.json");
        Array.Sort(files, StringComparer.Ordinal);
        return [.. files.Select(Load)];
    }

    private static TraceFile Load(string path)
    {
        using var stream = File.OpenRead(path);
        var trace = JsonSerializer.Deserialize<TraceFile>(stream, Options)
            ?? throw new InvalidDataException(path + " is empty");
        return trace.Format == "mosaik-quic-trace/1" && trace.Name == Path.GetFileNameWithoutExtension(path)
            ? trace
            : throw new InvalidDataException(path + " has an unknown format or another name");
    }

    private sealed class HexConverter : JsonConverter<byte[]>
    {
        public override byte[]? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.GetString() is { } hex ? Convert.FromHexString(hex) : null;

        public override void Write(Utf8JsonWriter writer, byte[] value, JsonSerializerOptions options) =>
            writer.WriteStringValue(Convert.ToHexStringLower(value));
    }
}

internal sealed record TraceSide(string Implementation, byte[] IdentitySeed, byte[] PublicKey);

internal sealed record TraceNegotiated(
    string Version,
    string CipherSuite,
    string Group,
    string SignatureScheme,
    string Alpn,
    string? Sni,
    bool Multipath);

internal sealed record TraceConnectionIds(byte[] OriginalDestination, byte[] Client, byte[] Server);

internal sealed record TraceParameters(byte[] Client, byte[] Server);

internal sealed record TraceKeys(TraceInitialKeys Initial, TraceLevelKeys Handshake, TraceGeneration[] OneRtt);

internal sealed record TraceInitialKeys(byte[] InitialSecret, TraceKey Client, TraceKey Server);

internal sealed record TraceLevelKeys(TraceKey Client, TraceKey Server);

internal sealed record TraceGeneration(int Generation, int KeyPhase, bool Observed, TraceKey Client, TraceKey Server);

internal sealed record TraceKey(byte[] Secret, byte[] Key, byte[] Iv, byte[] Hp);

internal sealed record TraceDeterministic(
    string Role,
    byte[] Random,
    byte[] X25519PrivateKey,
    byte[] X25519PublicKey,
    byte[] PeerX25519PublicKey,
    byte[] SourceConnectionId,
    byte[]? StatelessResetToken,
    TraceSecrets Secrets);

internal sealed record TraceSecrets(
    byte[] Ecdhe,
    byte[] Early,
    byte[] Handshake,
    byte[] ClientHandshakeTraffic,
    byte[] ServerHandshakeTraffic,
    byte[] Master,
    byte[] ClientApplicationTraffic0,
    byte[] ServerApplicationTraffic0,
    byte[] ExporterMaster,
    byte[] ResumptionMaster);

internal sealed record TraceMessage(
    string From,
    string Level,
    string Name,
    byte[] Bytes,
    byte[]? TranscriptHash,
    byte[]? SignatureInput,
    byte[]? Signature,
    byte[]? FinishedKey);

internal sealed record TraceExporter(byte[] MasterSecret, byte[] Context, int Length, TraceExport[] Outputs);

internal sealed record TraceExport(byte[] Label, byte[] Value);

internal sealed record TraceStream(int Id, string From, int Length, byte[] Sha256);

internal sealed record TraceClose(string From, int Code, string Reason);

internal sealed record TraceDatagram(int N, string From, int Size, byte[] Bytes, TracePacket[] Packets);

internal sealed record TracePacket(
    int At,
    int Size,
    string Type,
    byte[] Dcid,
    byte[]? Scid,
    byte[]? Token,
    int? KeyPhase,
    int? KeyGeneration,
    int? Spin,
    ulong Pn,
    int PnLength,
    byte[] Header,
    byte[] Payload,
    JsonElement[] Frames);
