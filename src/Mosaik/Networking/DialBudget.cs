using Mosaik.Primitives;

namespace Mosaik.Networking;

/// <summary>
/// How often a node dials (spec/reliability.md §12.1): 50 new dials per second with a burst of 200, and at most 30 per
/// peer and minute without success.
/// </summary>
/// <remarks>Pure: the time is passed in, the owner locks.</remarks>
internal sealed class DialBudget
{
    /// <summary>Dials per second in the long run.</summary>
    internal const double Rate = 50;

    /// <summary>Dials at once after a rest.</summary>
    internal const double Burst = 200;

    /// <summary>Dials of one peer within <see cref="PeerWindow"/> without success.</summary>
    internal const int PerPeer = 30;

    private const int SweepAbove = 4096;

    /// <summary>The window of <see cref="PerPeer"/>.</summary>
    internal static readonly TimeSpan PeerWindow = TimeSpan.FromMinutes(1);

    private readonly Dictionary<PeerId, Queue<TimeSpan>> _failed = [];
    private double _tokens = Burst;
    private TimeSpan _refilledAt;

    /// <summary>Takes the right to dial.</summary>
    /// <returns>How long to wait before dialling; null if the peer has been dialled in vain too often.</returns>
    public TimeSpan? Reserve(PeerId peer, TimeSpan now)
    {
        if (!_failed.TryGetValue(peer, out var dials))
        {
            if (_failed.Count >= SweepAbove)
                Sweep(now);
            _failed[peer] = dials = new Queue<TimeSpan>();
        }

        while (dials.TryPeek(out var oldest) && now - oldest >= PeerWindow)
            dials.Dequeue();
        if (dials.Count >= PerPeer)
            return null;
        dials.Enqueue(now);

        _tokens = Math.Min(Burst, _tokens + ((now - _refilledAt).TotalSeconds * Rate));
        _refilledAt = now;
        _tokens--; // below zero: taken from the future, in order of the calls
        return _tokens >= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(-_tokens / Rate);
    }

    /// <summary>The peer was reached: its count starts anew.</summary>
    public void OnSuccess(PeerId peer) => _failed.Remove(peer);

    private void Sweep(TimeSpan now)
    {
        foreach (var (peer, dials) in _failed.ToArray())
        {
            if (dials.All(at => now - at >= PeerWindow))
                _failed.Remove(peer);
        }
    }
}
