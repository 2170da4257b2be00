using System.Security.Cryptography;
using System.Text;
using Mosaik.Quic.Crypto;
using Mosaik.Quic.Tests.Tls;
using Mosaik.Quic.Tls;

namespace Mosaik.Quic.Tests.Traces;

/// <summary>
/// Assertions 6 to 9, 11 and 12 of the traces: transcript, signatures, key schedule, exporter, same bytes.
/// </summary>
public sealed class TraceTlsTests
{
    private const int ExporterLength = 32;

    public static TheoryData<string> Traces => TraceFile.Names(_ => true);

    public static TheoryData<string> Deterministic => TraceFile.Names(trace => trace.Deterministic is not null);

    [Theory]
    [MemberData(nameof(Traces))]
    public void Transcript_hash_is_right_after_every_message(string name)
    {
        var trace = TraceFile.Get(name);
        using var transcript = new TlsTranscript();
        transcript.Select(trace.Suite);
        foreach (var message in trace.Tls)
        {
            if (message.Name == "NewSessionTicket")
            {
                Assert.Null(message.TranscriptHash);
                continue;
            }
            if (message.Name == "HelloRetryRequest")
                transcript.ReplaceByMessageHash();
            transcript.Append(message.Bytes);
            Assert.Equal(message.TranscriptHash, Hash(transcript));
        }
    }

    [Theory]
    [MemberData(nameof(Traces))]
    public void Certificate_verify_is_what_the_identity_signs(string name)
    {
        var trace = TraceFile.Get(name);
        byte[]? hash = null;
        var seen = 0;
        foreach (var message in trace.Tls)
        {
            if (message.Name == "CertificateVerify")
            {
                seen++;
                var destination = new byte[TlsHandshakeCore.MaxSignatureInputLength];
                var input = TlsHandshakeCore.BuildSignatureInput(message.From == "server", hash, destination).ToArray();
                Assert.Equal(message.SignatureInput, input);
                var side = trace.SideOf(message.From);
                var other = trace.SideOf(message.From == "client" ? "server" : "client");
                using var key = Ed25519SigningKey.FromSeed(side.IdentitySeed);
                Assert.Equal(side.PublicKey, key.PublicKey.ToArray());
                var signature = new byte[Ed25519Strict.SignatureLength];
                key.Sign(input, signature);
                Assert.Equal(message.Signature, signature);
                Assert.True(Ed25519Strict.Verify(side.PublicKey, input, signature));
                Assert.False(Ed25519Strict.Verify(other.PublicKey, input, signature));
                // One bit of every byte of the signature: the rest follows from the strict vectors.
                for (var i = 0; i < signature.Length; i++)
                {
                    signature[i] ^= (byte)(1 << (i % 8));
                    Assert.False(Ed25519Strict.Verify(side.PublicKey, input, signature));
                    signature[i] ^= (byte)(1 << (i % 8));
                }
                input[^1] ^= 1;
                Assert.False(Ed25519Strict.Verify(side.PublicKey, input, signature));
            }
            hash = message.TranscriptHash ?? hash;
        }
        Assert.Equal(2, seen);
    }

    [Theory]
    [MemberData(nameof(Traces))]
    public void Finished_follows_from_the_handshake_traffic_secrets(string name)
    {
        var trace = TraceFile.Get(name);
        using var schedule = new TlsKeySchedule(trace.Suite);
        byte[]? hash = null;
        var seen = 0;
        foreach (var message in trace.Tls)
        {
            if (message.Name == "Finished")
            {
                seen++;
                var secret = trace.KeyLogSecret(message.From.ToUpperInvariant() + "_HANDSHAKE_TRAFFIC_SECRET");
                var key = new byte[trace.Suite.HashLength];
                HkdfLabel.Expand(trace.Suite.Hash, secret, "finished"u8, default, key);
                Assert.Equal(message.FinishedKey, key);
                var verifyData = schedule.ComputeFinished(secret, hash, new byte[TlsKeySchedule.MaxHashLength]);
                Assert.Equal(message.Bytes.AsSpan(4).ToArray(), verifyData.ToArray());
            }
            hash = message.TranscriptHash ?? hash;
        }
        Assert.Equal(2, seen);
    }

    [Theory]
    [MemberData(nameof(Traces))]
    public void Exporter_gives_the_values_that_both_sides_reported(string name)
    {
        var trace = TraceFile.Get(name);
        Assert.Equal(trace.Exporter.MasterSecret, trace.KeyLogSecret("EXPORTER_SECRET"));
        Assert.Equal(2, trace.Exporter.Outputs.Length);
        foreach (var export in trace.Exporter.Outputs)
        {
            Assert.Equal(ExporterLength, trace.Exporter.Length);
            var output = new byte[ExporterLength];
            TlsKeySchedule.Export(
                trace.Suite.Hash, trace.Exporter.MasterSecret, export.Label, trace.Exporter.Context, output);
            Assert.Equal(export.Value, output);
        }
    }

    [Theory]
    [MemberData(nameof(Deterministic))]
    public void Every_secret_follows_from_the_key_exchange(string name)
    {
        var trace = TraceFile.Get(name);
        var fixedInputs = trace.Deterministic!;
        var secrets = fixedInputs.Secrets;
        var hash = trace.Suite.Hash;
        var zeros = new byte[trace.Suite.HashLength];
        Assert.Equal(secrets.Early, HKDF.Extract(hash, zeros, zeros));

        using var exchange = X25519Exchange.FromPrivateKey(fixedInputs.X25519PrivateKey);
        Assert.Equal(fixedInputs.X25519PublicKey, exchange.PublicShare.ToArray());
        var shared = new byte[KeyExchange.SharedSecretLength];
        Assert.True(exchange.TryAgree(fixedInputs.PeerX25519PublicKey, shared));
        Assert.Equal(secrets.Ecdhe, shared);

        using var schedule = new TlsKeySchedule(trace.Suite);
        schedule.EnterHandshake(shared, HashAfter(trace, "ServerHello", "server"));
        Assert.Equal(secrets.Handshake, schedule.Current.ToArray());
        Assert.Equal(secrets.ClientHandshakeTraffic, schedule.ClientHandshakeTraffic.ToArray());
        Assert.Equal(secrets.ServerHandshakeTraffic, schedule.ServerHandshakeTraffic.ToArray());
        Assert.Equal(trace.KeyLogSecret("CLIENT_HANDSHAKE_TRAFFIC_SECRET"), secrets.ClientHandshakeTraffic);
        Assert.Equal(trace.KeyLogSecret("SERVER_HANDSHAKE_TRAFFIC_SECRET"), secrets.ServerHandshakeTraffic);

        schedule.EnterApplication(HashAfter(trace, "Finished", "server"));
        Assert.Equal(secrets.Master, schedule.Current.ToArray());
        Assert.Equal(secrets.ClientApplicationTraffic0, schedule.ClientApplicationTraffic.ToArray());
        Assert.Equal(secrets.ServerApplicationTraffic0, schedule.ServerApplicationTraffic.ToArray());
        Assert.Equal(secrets.ExporterMaster, schedule.ExporterMaster.ToArray());
        Assert.Equal(trace.KeyLogSecret("CLIENT_TRAFFIC_SECRET_0"), secrets.ClientApplicationTraffic0);
        Assert.Equal(trace.KeyLogSecret("SERVER_TRAFFIC_SECRET_0"), secrets.ServerApplicationTraffic0);
        Assert.Equal(trace.Exporter.MasterSecret, secrets.ExporterMaster);
        var resumption = new byte[trace.Suite.HashLength];
        HkdfLabel.Expand(hash, schedule.Current, "res master"u8, HashAfter(trace, "Finished", "client"), resumption);
        Assert.Equal(secrets.ResumptionMaster, resumption);

        // A transcript that includes the client's messages is the classic mistake: it gives other values.
        schedule.EnterHandshake(shared, HashAfter(trace, "ServerHello", "server"));
        schedule.EnterApplication(HashAfter(trace, "Finished", "client"));
        var output = new byte[ExporterLength];
        schedule.Export(trace.Exporter.Outputs[0].Label, trace.Exporter.Context, output);
        Assert.NotEqual(trace.Exporter.Outputs[0].Value, output);
    }

    [Theory]
    [MemberData(nameof(Deterministic))]
    public void Our_core_emits_the_recorded_bytes(string name)
    {
        var trace = TraceFile.Get(name);
        var fixedInputs = trace.Deterministic!;
        using var identity = Ed25519SigningKey.FromSeed(trace.SideOf(fixedInputs.Role).IdentitySeed);
        var lines = new List<string>();
        using var core = CreateCore(trace, identity, lines.Add);
        using var harness = new TlsHarness(core);
        core.Start();
        harness.Drain();
        foreach (var level in Enum.GetValues<EncryptionLevel>())
        {
            foreach (var message in trace.Tls.Where(m => m.From != fixedInputs.Role && LevelOf(m) == level))
            {
                Assert.True(core.Receive(level, message.Bytes), core.Reason);
                harness.Drain();
            }
        }
        Assert.True(core.IsComplete);
        foreach (var level in (EncryptionLevel[])[EncryptionLevel.Initial, EncryptionLevel.Handshake])
        {
            byte[] expected =
                [.. trace.Tls.Where(m => m.From == fixedInputs.Role && LevelOf(m) == level).SelectMany(m => m.Bytes)];
            Assert.Equal(Convert.ToHexStringLower(expected), Convert.ToHexStringLower(harness.Sent(level)));
        }
        AssertAgreed(trace, core, fixedInputs.Role);
        Assert.Equal(trace.KeyLog.Order(StringComparer.Ordinal), lines.Order(StringComparer.Ordinal));
        var peer = fixedInputs.Role == "client" ? trace.TransportParameters.Server : trace.TransportParameters.Client;
        Assert.Equal(peer, harness.PeerParameters);
        harness.AssertKeysSeal(trace);
    }

    [Theory]
    [MemberData(nameof(Traces))]
    public void Our_server_accepts_every_recorded_client_hello(string name)
    {
        var trace = TraceFile.Get(name);
        using var identity = Ed25519SigningKey.FromSeed(trace.Server.IdentitySeed);
        using var core = TlsHandshakeCore.Server(new TlsServerSettings
        {
            Identity = identity,
            Alpn = [trace.Negotiated.Alpn],
            TransportParameters = trace.TransportParameters.Server,
            Random = new SeededRandom(1),
            CipherSuites = [trace.Suite],
            Groups = [trace.Group],
        });
        using var harness = new TlsHarness(core);
        foreach (var message in trace.Tls.Where(m => m.Name == "ClientHello"))
            Assert.True(core.Receive(EncryptionLevel.Initial, message.Bytes), core.Reason);
        harness.Drain();
        Assert.Equal(trace.Suite, core.CipherSuite);
        Assert.Equal(trace.Group, core.Group);
        Assert.Equal(trace.Negotiated.Alpn, core.Alpn);
        Assert.Equal(trace.Negotiated.Sni, core.ServerName);
        Assert.Equal(trace.TransportParameters.Client, harness.PeerParameters);
        if (trace.Tls.Any(m => m.Name == "HelloRetryRequest"))
        {
            // Nothing in a HelloRetryRequest is random, so ours is the recorded one but for the order of extensions.
            var retry = trace.Tls.Single(m => m.Name == "HelloRetryRequest").Bytes;
            Assert.Equal(retry.Order(), harness.Sent(EncryptionLevel.Initial).AsSpan(0, retry.Length).ToArray().Order());
        }
    }

    private static TlsHandshakeCore CreateCore(TraceFile trace, Ed25519SigningKey identity, Action<string> keyLog)
    {
        var inputs = trace.Deterministic!;
        return inputs.Role == "client"
            ? TlsHandshakeCore.Client(new TlsClientSettings
            {
                Identity = identity,
                ExpectedPeerKey = trace.Server.PublicKey,
                ServerName = trace.Negotiated.Sni,
                Alpn = [trace.Negotiated.Alpn],
                TransportParameters = trace.TransportParameters.Client,
                Random = new FixedRandom(inputs.Random),
                FixedX25519PrivateKey = inputs.X25519PrivateKey,
                KeyLog = keyLog,
            })
            : TlsHandshakeCore.Server(new TlsServerSettings
            {
                Identity = identity,
                Alpn = [trace.Negotiated.Alpn],
                TransportParameters = trace.TransportParameters.Server,
                Random = new FixedRandom(inputs.Random),
                FixedX25519PrivateKey = inputs.X25519PrivateKey,
                KeyLog = keyLog,
            });
    }

    private static void AssertAgreed(TraceFile trace, TlsHandshakeCore core, string role)
    {
        Assert.Equal(trace.Suite, core.CipherSuite);
        Assert.Equal(trace.Group, core.Group);
        Assert.Equal(trace.Negotiated.Alpn, core.Alpn);
        Assert.Equal(trace.Negotiated.Sni, core.ServerName);
        Assert.Equal(trace.SideOf(role == "client" ? "server" : "client").PublicKey, core.PeerPublicKey.ToArray());
        Assert.Equal(Encoding.ASCII.GetBytes(core.Alpn!), trace.Exporter.Context);
        foreach (var export in trace.Exporter.Outputs)
        {
            var output = new byte[ExporterLength];
            Assert.True(core.ExportKeyingMaterial(export.Label, trace.Exporter.Context, output));
            Assert.Equal(export.Value, output);
        }
    }

    private static EncryptionLevel LevelOf(TraceMessage message) => message.Level switch
    {
        "Initial" => EncryptionLevel.Initial,
        "Handshake" => EncryptionLevel.Handshake,
        "1-RTT" => EncryptionLevel.OneRtt,
        _ => throw new InvalidDataException("unknown level " + message.Level),
    };

    private static byte[] HashAfter(TraceFile trace, string message, string from) =>
        // Only NewSessionTicket has no hash.
        trace.Tls.Single(m => m.Name == message && m.From == from).TranscriptHash!;

    private static byte[] Hash(TlsTranscript transcript) =>
        transcript.Current(new byte[TlsKeySchedule.MaxHashLength]).ToArray();
}
