using System.Buffers;
using System.Runtime.CompilerServices;
using Mosaik.Bench.Contracts;
using Mosaik.Discovery;
using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Bench.Workloads.Micro;

/// <summary>
/// A side of M1: a catalog of so many peers as its owner works on it, that is the whole <see cref="DiscoveryCore"/> with
/// publishing. Every value is a time per entry; signatures are not part of it.
/// </summary>
internal sealed class CatalogSide(string name, int peers) : IWorkloadSide
{
    private const int KeepAlivesPerBatch = 4096;

    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(0.3);
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan QuickWindow = TimeSpan.FromSeconds(0.4);
    private static readonly NetworkId Network = NetworkId.From("bench");
    private static readonly PeerId Self = PeerId.FromRawUnchecked(UniqueId.From("self").AsSpan());
    private static object? Kept;

    private readonly ArrayBufferWriter<byte> _snapshot = new();
    private DiscoveryTime _now;
    private CatalogEntries _entries = null!; // set by StartAsync, which comes first
    private DiscoveryCore _core = null!; // likewise
    private SignedPeerEntry[] _offered = [];
    private int[] _order = [];

    public string Name => name;

    public bool IsEncrypted => false;

    public ValueTask StartAsync(RunPlan plan)
    {
        _now = new DiscoveryTime(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(), TimeSpan.FromSeconds(1));
        _entries = new CatalogEntries(peers, Network, _now.WallMs);
        _order = [.. Enumerable.Range(0, peers)];
        new Random(1).Shuffle(_order);
        _core = Filled();
        return ValueTask.CompletedTask;
    }

    public ValueTask<Sample> RunAsync(RunPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var state = _core.State;
        var encode = new CatalogSnapshot[1];
        return ValueTask.FromResult(plan.Variant switch
        {
            "lookup" => Time(plan, peers, static () => { }, () => Lookup(state)),
            "iterate" => Time(plan, peers, static () => { }, () => Iterate(state)),
            "keep-alive" => Time(plan, KeepAlivesPerBatch, () => Prepare(KeepAlivesPerBatch, _ => _entries.KeepAlive(0)), Offer),
            "upsert" => Time(plan, peers, () => Prepare(peers, i => _entries.Changed(_order[i])), Offer),
            "sync-send" => Time(plan, peers, () => encode[0] = CatalogSnapshot.Of([.. state.Signed.Values]), () => Write(encode[0])),
            "sync-known" => Time(plan, peers, () => Write(CatalogSnapshot.Of([.. state.Signed.Values])), ScanKnown),
            "sync-merge" => Time(plan, peers, PrepareMerge, MergeAtOnce),
            _ => throw new ArgumentOutOfRangeException(nameof(plan), plan.Variant, "unknown variant"),
        });
    }

    public ValueTask StopAsync() => ValueTask.CompletedTask;

    // What the driver does for one announced entry: offer, publish, count, arm the timer.
    private void Offer()
    {
        foreach (var entry in _offered)
            Offer(entry);
    }

    private void Offer(SignedPeerEntry entry)
    {
        var results = _core.Offer([entry], default, EntrySource.OwnSync(0), _now);
        if (results[0] is not (UpsertResult.New or UpsertResult.Updated))
            throw new InvalidDataException($"an entry was {results[0]}");
        AfterInput();
    }

    private void AfterInput()
    {
        Kept = _core.State.PeersCountAt(_now.WallMs);
        _core.Effects.Clear();
        _core.HandleTimeout(_now);
        _core.Effects.Clear();
        Kept = _core.NextTimeout(_now);
    }

    private void Lookup(CatalogState state)
    {
        foreach (var i in _order)
            Keep(state.GetSigned(_entries.IdOf(i), _now.WallMs) ?? throw new InvalidDataException("a peer is missing"));
    }

    private void Iterate(CatalogState state)
    {
        var count = 0;
        foreach (var entry in state.Signed.Values)
            count += state.IsFresh(entry, _now.WallMs) ? 1 : 0;
        if (count != peers)
            throw new InvalidDataException("a peer is missing");
    }

    private void Write(CatalogSnapshot snapshot)
    {
        _snapshot.ResetWrittenCount();
        CatalogSnapshot.Codec.Instance.Encode(snapshot, _snapshot);
    }

    private void ScanKnown()
    {
        if (!SnapshotScan.TryScan(_snapshot.WrittenMemory, _core.State, default, Self, _now.WallMs, out var scan, out _)
            || scan.Known != peers)
            throw new InvalidDataException("a peer is missing");
    }

    private void PrepareMerge()
    {
        Prepare(peers, _entries.KeepAlive);
        _core = Online();
    }

    // A node that joins: everything is new to it, offered in one go.
    private void MergeAtOnce()
    {
        _core.Offer(_offered, default, EntrySource.OwnSync(0), _now);
        AfterInput();
        if (_core.State.Signed.Count != peers)
            throw new InvalidDataException("a peer is missing");
    }

    private void Prepare(int count, Func<int, SignedPeerEntry> make)
    {
        _offered = new SignedPeerEntry[count];
        for (var i = 0; i < count; i++)
            _offered[i] = make(i);
    }

    private DiscoveryCore Online()
    {
        var core = new DiscoveryCore(Network, Self, new DiscoveryOptions(), RandomSource.Cryptographic);
        core.GoOnline(_now);
        core.Effects.Clear();
        return core;
    }

    private DiscoveryCore Filled()
    {
        var core = Online();
        for (var i = 0; i < peers; i++)
        {
            core.Offer([_entries.KeepAlive(i)], default, EntrySource.Feed, _now);
            core.OnInboundSync(_entries.IdOf(i), completed: true, _now);
            core.Effects.Clear();
        }

        return core;
    }

    /// <summary>The median over batches; what prepares a batch is not measured.</summary>
    private static Sample Time(RunPlan plan, int perBatch, Action prepare, Action run)
    {
        var begin = System.Diagnostics.Stopwatch.GetTimestamp();
        var rest = new CompilerRest();
        do
        {
            prepare();
            run();
        }
        while (!rest.IsReached() || System.Diagnostics.Stopwatch.GetElapsedTime(begin) < WarmUp);

        var window = plan.IsQuick ? QuickWindow : Window;
        var times = new List<double>();
        var allocated = 0L;
        begin = System.Diagnostics.Stopwatch.GetTimestamp();
        while (System.Diagnostics.Stopwatch.GetElapsedTime(begin) < window || times.Count < 5)
        {
            prepare();
            var before = GC.GetAllocatedBytesForCurrentThread();
            var start = System.Diagnostics.Stopwatch.GetTimestamp();
            run();
            times.Add(System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalNanoseconds / perBatch);
            allocated += GC.GetAllocatedBytesForCurrentThread() - before;
        }

        var operations = (long)times.Count * perBatch;
        var seconds = times.Sum() * perBatch / 1e9;
        times.Sort();
        return new Sample(times[times.Count / 2], "ns/entry", false, operations, seconds)
        {
            Resources = new Resources(AllocatedBytes: allocated, CpuSeconds: seconds),
        };
    }

    // Keeps what was read alive, so that reading is not optimised away.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Keep(object? value) => Kept = value;
}
