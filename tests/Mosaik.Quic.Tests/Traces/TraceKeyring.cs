using Mosaik.Quic.Crypto;

namespace Mosaik.Quic.Tests.Traces;

/// <summary>The keys of one recorded connection, from the original destination ID and the key log alone.</summary>
internal sealed class TraceKeyring : IDisposable
{
    private readonly Dictionary<(string From, string Type, int Generation), PacketKeys> _keys = [];

    internal TraceKeyring(TraceFile trace)
    {
        var (client, server) = InitialKeys.Derive(trace.ConnectionIds.OriginalDestination);
        _keys[("client", "Initial", 0)] = client;
        _keys[("server", "Initial", 0)] = server;
        foreach (var side in (string[])["client", "server"])
        {
            var prefix = side.ToUpperInvariant();
            var handshake = PacketKeys.FromSecret(trace.Suite, trace.KeyLogSecret(prefix + "_HANDSHAKE_TRAFFIC_SECRET"));
            var application = PacketKeys.FromSecret(trace.Suite, trace.KeyLogSecret(prefix + "_TRAFFIC_SECRET_0"));
            _keys[(side, "Handshake", 0)] = handshake;
            _keys[(side, "1-RTT", 0)] = application;
            _keys[(side, "1-RTT", 1)] = application.NextGeneration();
        }
    }

    internal PacketKeys Of(string from, TracePacket packet) =>
        _keys[(from, packet.Type, packet.KeyGeneration ?? 0)];

    public void Dispose()
    {
        foreach (var keys in _keys.Values)
            keys.Dispose();
    }
}
