using Mosaik.Discovery;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Streams;

/// <summary>
/// Who may consume a stream of this node: judges at the subscription and again whenever the outcome may have changed
/// (spec/streams.md §3.1 steps 7–8, §4.6).
/// </summary>
/// <remarks>
/// <para>While a peer is inside, newer entries of it, changes of its round-trip time (if a rule asked for it) and the
/// end of its tickets lead to a new judgement. One that leaves the catalog is judged by its last known entry. Rules are
/// user code and run without a lock, in the gate's own loop or in the task of the new subscription, never where data
/// flows.</para>
/// <para>Order per subscription: <see cref="Enter"/>; if it says yes, register the subscription, then ask
/// <see cref="IsRevoked"/>; at its end <see cref="Leave"/>.</para>
/// </remarks>
internal sealed class ConsumerGate
{
    private readonly Lock _lock = new();
    private readonly StreamContext _context;
    private readonly PeerRules _rules;
    private readonly Action<PeerId> _revoke;
    private readonly Signal _signal;
    private readonly PeerFollower _follower;
    private readonly ReevaluationCore<PeerId> _due = new();
    private readonly Dictionary<PeerId, Inside> _inside = [];
    private readonly Task _loop;
    private bool _stopped;

    /// <summary>Starts the loop; only for rules that are not empty.</summary>
    public ConsumerGate(StreamContext context, PeerRules rules, Action<PeerId> revoke)
    {
        _context = context;
        _rules = rules;
        _revoke = revoke;
        _signal = new Signal(context.Scheduler, context.TimeProvider);
        _follower = context.Discovery.FollowPeers(_signal);
        _loop = context.Scheduler.Start(RunAsync);
    }

    /// <summary>Whether a peer may subscribe; if so it counts as inside until it leaves.</summary>
    public bool Enter(PeerInfo peer)
    {
        lock (_lock)
        {
            if (_inside.TryGetValue(peer.Id, out var inside))
                inside.Subscriptions++;
            else
                _inside[peer.Id] = new Inside { Entry = peer.Entry, Subscriptions = 1 };
        }

        _follower.Follow(peer.Id); // before looking at the entry, so that no newer one slips through between
        if (Judge(peer.Id, _context.Discovery.Catalog.GetKnown(peer.Id)?.Entry ?? peer.Entry, peer.Rtt))
            return true;
        lock (_lock)
            _due.Mark(peer.Id); // what keeps this one out concerns those that are inside
        Leave(peer.Id);
        return false;
    }

    /// <summary>Whether the rules have said no meanwhile.</summary>
    public bool IsRevoked(PeerId id)
    {
        lock (_lock)
            return _inside.TryGetValue(id, out var inside) && inside.IsRevoked;
    }

    /// <summary>A subscription of the peer has ended.</summary>
    public void Leave(PeerId id)
    {
        lock (_lock)
        {
            if (!_inside.TryGetValue(id, out var inside) || --inside.Subscriptions > 0)
                return;
            _inside.Remove(id);
            _due.Forget(id);
            _follower.Unfollow(id);
        }
    }

    /// <summary>Judges everybody again, for rules that read what the gate cannot watch.</summary>
    public void ReevaluateAll()
    {
        lock (_lock)
            _due.MarkAll();
        _signal.Set();
    }

    /// <summary>Ends the loop.</summary>
    public async ValueTask StopAsync()
    {
        Volatile.Write(ref _stopped, true);
        _signal.Set();
        await _loop.ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        using (_follower)
        {
            while (!Volatile.Read(ref _stopped))
            {
                TakeNews();
                while (TakeDue() is { } due)
                {
                    if (!Judge(due.Id, due.Entry, _context.Discovery.RttWith(due.Id, sample: null)))
                        _revoke(due.Id);
                }

                await _signal.WaitAsync(TimeToNext()).ConfigureAwait(false);
            }
        }
    }

    private void TakeNews()
    {
        while (_follower.TryTake(out var news))
        {
            lock (_lock)
            {
                if (!_inside.TryGetValue(news.PeerId, out var inside))
                    continue;
                if (news.Entry is not null)
                {
                    inside.Entry = news.Entry;
                    _due.Mark(news.PeerId);
                }

                if (news.RttChanged)
                    _due.OnRttChanged(news.PeerId);
            }
        }
    }

    private (PeerId Id, PeerEntry Entry)? TakeDue()
    {
        lock (_lock)
            return _due.TryTakeDue(_context.Now, out var id) ? (id, _inside[id].Entry) : null; // who is due is inside
    }

    private TimeSpan TimeToNext()
    {
        lock (_lock)
            return _context.TimeUntil(_due.NextDue);
    }

    private bool Judge(PeerId id, PeerEntry entry, TimeSpan? rtt)
    {
        var verdict = _rules.Judge(entry, rtt);
        lock (_lock)
        {
            if (!_inside.TryGetValue(id, out var inside))
                return verdict.IsAllowed;
            inside.IsRevoked = !verdict.IsAllowed;
            _due.Judged(id, _context.Now, verdict.AskedForRtt, _context.MonotonicOf(verdict.Expiration));
        }

        _signal.Set(); // a ticket may end before anything that the loop waits for
        return verdict.IsAllowed;
    }

    private sealed class Inside
    {
        /// <summary>The newest entry; the last one of a peer that has left the catalog.</summary>
        public required PeerEntry Entry { get; set; }

        public int Subscriptions { get; set; }

        public bool IsRevoked { get; set; }
    }
}
