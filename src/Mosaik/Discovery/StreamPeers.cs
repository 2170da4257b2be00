using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Discovery;

/// <summary>What a consumer learns about a producer of its stream (spec/streams.md §8.1).</summary>
internal enum StreamPeerDeltaKind
{
    /// <summary>The peer lists the stream; or it did and has a newer entry.</summary>
    Current,

    /// <summary>The peer no longer lists the stream, or is gone.</summary>
    Removed,

    /// <summary>Our own entry changed, which may change what producers answer.</summary>
    OwnEntryChanged,
}

/// <summary>One delta.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="PeerId">The peer; this node for <see cref="StreamPeerDeltaKind.OwnEntryChanged"/>.</param>
/// <param name="Entry">Its entry now; null when removed.</param>
/// <param name="ContentChanged">Whether more than the version changed since the delta before.</param>
/// <param name="Restarted">Whether the start of the peer's process advanced since the delta before.</param>
internal sealed record StreamPeerDelta(
    StreamPeerDeltaKind Kind, PeerId PeerId, PeerEntry? Entry, bool ContentChanged, bool Restarted);

/// <summary>
/// The producers of one stream, as deltas: first all there are, then changes. At most one delta per peer is pending,
/// merged,
/// so that a slow reader costs no more memory than there are peers. One reader.
/// </summary>
internal sealed class StreamPeers : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, StreamPeerDelta> _pending = [];
    private readonly Queue<PeerId> _order = new();
    private readonly Signal _signal;
    private readonly PeerId _self;
    private readonly Action<StreamPeers> _disposed;
    private bool _ended;

    /// <param name="stream">The stream.</param>
    /// <param name="self">This node.</param>
    /// <param name="signal">Set when there is something to take; of the reader's own, if it waits for other things as well.</param>
    /// <param name="disposed">Told of the end.</param>
    public StreamPeers(StreamId stream, PeerId self, Signal signal, Action<StreamPeers> disposed)
    {
        Stream = stream;
        _self = self;
        _disposed = disposed;
        _signal = signal;
    }

    public StreamId Stream { get; }

    /// <summary>Whether there will be no delta any more besides those that can be taken.</summary>
    public bool IsEnded
    {
        get
        {
            lock (_lock)
                return _ended;
        }
    }

    /// <summary>Waits until a delta can be taken; false when there will be none any more.</summary>
    public async ValueTask<bool> WaitAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            lock (_lock)
            {
                if (_pending.Count > 0)
                    return true;
                if (_ended)
                    return false;
            }
            await _signal.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Takes the oldest delta.</summary>
    public bool TryTake(out StreamPeerDelta? delta)
    {
        lock (_lock)
        {
            if (!_order.TryDequeue(out PeerId id))
            {
                delta = null;
                return false;
            }
            _pending.Remove(id, out delta);
            return true;
        }
    }

    /// <summary>A change of the catalog, if it concerns the stream.</summary>
    internal void Post(PeerChange change)
    {
        bool before = change.Old?.Streams.Contains(Stream) ?? false;
        bool now = change.New?.Streams.Contains(Stream) ?? false;
        if (now)
        {
            bool restarted = before && change.New!.Version.Start > change.Old!.Version.Start; // both exist
            Add(new StreamPeerDelta(StreamPeerDeltaKind.Current, change.Id, change.New, change.ContentChanged || !before, restarted));
        }
        else if (before)
        {
            Add(new StreamPeerDelta(StreamPeerDeltaKind.Removed, change.Id, null, ContentChanged: true, Restarted: false));
        }
    }

    /// <summary>A producer that is there from the beginning.</summary>
    internal void PostInitial(PeerEntry entry) =>
        Add(new StreamPeerDelta(StreamPeerDeltaKind.Current, entry.Id, entry, ContentChanged: true, Restarted: false));

    internal void PostOwnEntryChanged() =>
        Add(new StreamPeerDelta(StreamPeerDeltaKind.OwnEntryChanged, _self, null, ContentChanged: true, Restarted: false));

    internal void End()
    {
        lock (_lock)
            _ended = true;
        _signal.Set();
    }

    /// <summary>Ends the subscription.</summary>
    public void Dispose()
    {
        _disposed(this);
        End();
    }

    private void Add(StreamPeerDelta delta)
    {
        lock (_lock)
        {
            if (_ended)
                return;
            if (_pending.TryGetValue(delta.PeerId, out StreamPeerDelta? earlier))
            {
                delta = delta with
                {
                    ContentChanged = delta.ContentChanged || earlier.ContentChanged,
                    Restarted = delta.Restarted || earlier.Restarted || earlier.Kind == StreamPeerDeltaKind.Removed,
                };
            }
            else
            {
                _order.Enqueue(delta.PeerId);
            }
            _pending[delta.PeerId] = delta;
        }
        _signal.Set();
    }
}
