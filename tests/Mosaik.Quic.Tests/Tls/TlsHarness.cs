using Mosaik.Quic.Crypto;
using Mosaik.Quic.Tests.Traces;
using Mosaik.Quic.Tls;

namespace Mosaik.Quic.Tests.Tls;

/// <summary>Polls a core and keeps what it said: the bytes per level, the keys, the parameters, the order.</summary>
internal sealed class TlsHarness(TlsHandshakeCore core) : IDisposable
{
    private readonly List<byte>[] _sent = [[], [], []];
    private readonly int[] _delivered = new int[3];

    internal TlsHandshakeCore Core { get; } = core;

    internal List<(TlsEventKind Kind, EncryptionLevel Level)> Events { get; } = [];

    internal Dictionary<(bool Write, EncryptionLevel Level), PacketKeys> Keys { get; } = [];

    internal byte[]? PeerParameters { get; private set; }

    internal bool SawComplete { get; private set; }

    internal byte[] Sent(EncryptionLevel level) => [.. _sent[(int)level]];

    /// <summary>Polls every event.</summary>
    internal void Drain()
    {
        while (Core.TryPollEvent(out var e))
        {
            Events.Add((e.Kind, e.Level));
            switch (e.Kind)
            {
                case TlsEventKind.SendCrypto:
                    _sent[(int)e.Level].AddRange(e.Data.Span);
                    break;
                case TlsEventKind.InstallReadKeys or TlsEventKind.InstallWriteKeys:
                    Keys.Add((e.Kind == TlsEventKind.InstallWriteKeys, e.Level), e.Keys!);
                    break;
                case TlsEventKind.PeerTransportParameters:
                    PeerParameters = e.Data.ToArray();
                    break;
                case TlsEventKind.HandshakeComplete:
                    SawComplete = true;
                    break;
                default:
                    throw new InvalidOperationException($"unknown event {e.Kind}");
            }
        }
    }

    /// <summary>The bytes of a level that were not taken before.</summary>
    internal byte[] Take(EncryptionLevel level)
    {
        var all = _sent[(int)level];
        var from = _delivered[(int)level];
        _delivered[(int)level] = all.Count;
        return [.. all.Skip(from)];
    }

    /// <summary>Hands what this side has sent to the other, in pieces; false when the other side failed.</summary>
    internal bool Deliver(TlsHarness to, int pieceLength = int.MaxValue)
    {
        Drain();
        foreach (var level in Enum.GetValues<EncryptionLevel>())
        {
            var bytes = Take(level);
            for (var at = 0; at < bytes.Length; at += Math.Min(pieceLength, bytes.Length - at))
            {
                if (!to.Core.Receive(level, bytes.AsSpan(at, Math.Min(pieceLength, bytes.Length - at))))
                    return false;
            }
        }
        to.Drain();
        return true;
    }

    /// <summary>Checks that the installed 1-RTT keys are those of the trace, by what they seal.</summary>
    internal void AssertKeysSeal(TraceFile trace)
    {
        var writer = trace.Deterministic!.Role;
        foreach (var isWrite in (bool[])[true, false])
        {
            var recorded = (writer == "client") == isWrite ? trace.Keys.OneRtt[0].Client : trace.Keys.OneRtt[0].Server;
            using var expected = PacketKeys.FromSecret(trace.Suite, recorded.Secret);
            var a = new byte[32];
            var b = new byte[32];
            expected.Seal(7, [1], a);
            Keys[(isWrite, EncryptionLevel.OneRtt)].Seal(7, [1], b);
            Assert.Equal(a, b);
        }
    }

    public void Dispose()
    {
        Drain();
        foreach (var keys in Keys.Values)
            keys.Dispose();
    }
}
