using System.Net;
using Mosaik.Discovery;
using Mosaik.Primitives;

namespace Mosaik.Bench.Workloads.Micro;

/// <summary>
/// Entries of made-up peers as they are after verification: the signature is zeros, for what is measured behind it does not
/// look at it. About 300 bytes each: an address, two tags, a stream.
/// </summary>
internal sealed class CatalogEntries
{
    // Versions of one peer are all different and yet all from about now: the update time runs within the tolerated drift.
    private const long UpdatesPerStart = 5_000;

    private readonly PeerEntry[] _first;
    private readonly long[] _version;

    public CatalogEntries(int count, NetworkId network, long nowMs)
    {
        NowMs = nowMs;
        _first = new PeerEntry[count];
        _version = new long[count];
        var now = DateTimeOffset.FromUnixTimeMilliseconds(nowMs);
        for (var i = 0; i < count; i++)
        {
            var id = PeerId.FromRawUnchecked(UniqueId.From($"peer {i}").AsSpan());
            var address = new EndpointAddress(id, new TransportAddress.Ip(IPAddress.Parse("192.0.2.7"), 4433));
            _first[i] = PeerEntry.Create(network, address, new PeerVersion(nowMs, nowMs))
                .AddTags(now, Tag.From("validator"), Tag.From("region-1"))
                .AddStreams(now, StreamId.From($"stream {i % 100}"));
        }
    }

    public long NowMs { get; }

    public int Count => _first.Length;

    public PeerId IdOf(int index) => _first[index].Id;

    /// <summary>The peer's next entry: nothing but a new version.</summary>
    public SignedPeerEntry KeepAlive(int index) => Signed(_first[index].WithVersion(Next(index)));

    /// <summary>The peer's next entry: every second one has one tag more.</summary>
    public SignedPeerEntry Changed(int index)
    {
        var version = Next(index);
        var entry = version.Update % 2 == 0 ? _first[index] : _first[index].AddTags(DateTimeOffset.UnixEpoch, Tag.From("leader"));
        return Signed(entry.WithVersion(version));
    }

    private PeerVersion Next(int index)
    {
        var n = ++_version[index];
        return new PeerVersion(NowMs + (n / UpdatesPerStart), NowMs + (n % UpdatesPerStart));
    }

    private static SignedPeerEntry Signed(PeerEntry entry)
    {
        var bytes = new byte[entry.Bytes.Length + Signature.Length];
        entry.Bytes.CopyTo(bytes);
        return new SignedPeerEntry(bytes, entry.Layout, default, default);
    }
}
