using System.Collections.Concurrent;
using Mosaik.Discovery;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Streams;

/// <content>
/// Whom to subscribe to (spec/streams.md §8.1–§8.4): one loop owns the table of candidates. Candidates are the peers
/// that list the stream; discovery reports them as changes of its index, the catalog is never scanned. Each is judged
/// when it appears and whenever the outcome may have changed; one that is eligible has a receiver, which reconnects by
/// itself.
/// </content>
internal sealed partial class ConsumerDriver<T>
{
    private readonly Dictionary<PeerId, Receiver<T>?> _candidates = [];
    private readonly ReevaluationCore<PeerId> _due = new();
    private readonly ConcurrentQueue<Receiver<T>> _unsuitable = [];
    private readonly Dictionary<PeerId, Task> _leaving = [];
    private readonly Signal _signal;
    private int _reevaluateAll;

    /// <summary>Judges all candidates again.</summary>
    public void Reevaluate()
    {
        Volatile.Write(ref _reevaluateAll, 1);
        _signal.Set();
    }

    /// <summary>
    /// The round-trip time of a connection, asked for by the rules and unknown until now, has shown that the producer
    /// is not eligible. Called by its receiver, which has stopped.
    /// </summary>
    public void OnUnsuitable(Receiver<T> receiver)
    {
        _unsuitable.Enqueue(receiver);
        _signal.Set();
    }

    private async Task RunAsync()
    {
        using var stopping = Context.Stopping.UnsafeRegister(
            static self => ((ConsumerDriver<T>)self!).BeginStop(), this);
        using (var producers = Context.Discovery.FollowStream(StreamId, _signal))
        using (var rtts = Context.Discovery.FollowPeers(_signal))
        {
            try
            {
                while (!_stop.IsCancellationRequested)
                {
                    while (producers.TryTake(out var delta))
                        Apply(delta!, rtts); // there is one when TryTake returns true
                    JudgeDue(rtts);
                    if (producers.IsEnded)
                        break;
                    await _signal.WaitAsync(Context.TimeUntil(_due.NextDue), _stop.Token).ConfigureAwait(false);
                }
            }
            catch (OperationCanceledException)
            {
                // Disposed, or the network stops.
            }
        }

        foreach (var receiver in _candidates.Values)
            Leave(receiver);
        await Task.WhenAll(_leaving.Values).ConfigureAwait(false);
        Close();
    }

    private void JudgeDue(PeerFollower rtts)
    {
        while (rtts.TryTake(out var news))
            if (news.RttChanged)
                _due.OnRttChanged(news.PeerId);
        while (_unsuitable.TryDequeue(out var receiver))
        {
            // One that was replaced meanwhile is gone already.
            if (_candidates.TryGetValue(receiver.ProducerId, out var current) && current == receiver)
            {
                _candidates[receiver.ProducerId] = null;
                Leave(receiver);
            }
        }

        if (Interlocked.Exchange(ref _reevaluateAll, 0) != 0)
            _due.MarkAll();
        while (_due.TryTakeDue(Context.Now, out var id))
            Judge(id, contentChanged: false, restarted: false, rtts);
    }

    private void Apply(StreamPeerDelta delta, PeerFollower rtts)
    {
        switch (delta.Kind)
        {
            case StreamPeerDeltaKind.OwnEntryChanged:
                // What producers answer may depend on our tags and tickets: those that refused are asked again.
                foreach (var waiting in _candidates.Values)
                    waiting?.Trigger();
                break;
            case StreamPeerDeltaKind.Removed:
                if (_candidates.Remove(delta.PeerId, out var gone))
                    Leave(gone, Context.Options.DrainTimeout);
                _due.Forget(delta.PeerId);
                rtts.Unfollow(delta.PeerId);
                break;
            default:
                _candidates.TryAdd(delta.PeerId, null);
                Judge(delta.PeerId, delta.ContentChanged, delta.Restarted, rtts);
                break;
        }
    }

    /// <summary>Judges a candidate by its current entry and round-trip time, and acts on the outcome.</summary>
    private void Judge(PeerId id, bool contentChanged, bool restarted, PeerFollower rtts)
    {
        // Known, but hidden: farther away than this node allows. Not known: stale, its removal will be told.
        var peer = Context.Discovery.Catalog.GetKnown(id);
        var isNear = Context.Discovery.Catalog.Get(id) is not null;
        var verdict = peer is null ? default : Rules.Judge(peer.Entry, peer.Rtt);
        var watchesRtt = verdict.AskedForRtt || Context.MaxRtt is not null;
        if (watchesRtt)
            rtts.Follow(id);
        else
            rtts.Unfollow(id);
        _due.Judged(id, Context.Now, watchesRtt, Context.MonotonicOf(verdict.Expiration));

        var receiver = _candidates[id];
        if (peer is not null && isNear && verdict.IsAllowed)
        {
            if (receiver is not null && !restarted)
            {
                receiver.Update(peer.Entry, contentChanged);
                return;
            }

            // A new process under the old id: its old connection is dead anyway.
            Leave(receiver);
            var previous = _leaving.GetValueOrDefault(id, Task.CompletedTask);
            var checksRtt = verdict.AskedForRtt && peer.Rtt is null;
            _candidates[id] = new Receiver<T>(this, peer.Entry, previous, checksRtt);
        }
        else if (receiver is not null)
        {
            _candidates[id] = null;
            Leave(receiver);
        }
    }

    /// <summary>
    /// Stops a receiver without waiting: a slow end must not delay the deltas of other producers. Its successor waits
    /// for it.
    /// </summary>
    /// <param name="receiver">The receiver; null = there is none.</param>
    /// <param name="patience">
    /// How long a connected one goes on. A producer that withdraws its stream sends what it has accepted before it
    /// closes (spec/streams.md §11.2), and its entry may arrive sooner than that.
    /// </param>
    private void Leave(Receiver<T>? receiver, TimeSpan patience = default)
    {
        if (receiver is null)
            return;
        foreach (var (id, end) in _leaving)
            if (end.IsCompletedSuccessfully)
                _leaving.Remove(id);
        _leaving[receiver.ProducerId] = receiver.LeaveAsync(patience); // ends after its predecessor
    }
}
