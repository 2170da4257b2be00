using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// How many verifications a node may spend: 2,000 per second with a burst of 20,000 (spec/reliability.md §12.1).
/// Strangers can make identities faster than they can be checked; syncs wait for their share, gossip above it is dropped.
/// When they are scarce, each neighbour gets a quarter at most, so that one flood does not silence the others.
/// </summary>
/// <remarks>
/// A bucket that may be overdrawn: a reservation is granted at once and says how long to wait. Thread-safe.
/// </remarks>
internal sealed class SignatureBudget
{
    public const int PerSecond = 2_000;
    public const int Burst = 20_000;

    /// <summary>Below this, verifications are scarce.</summary>
    private const int Scarce = Burst / 2;
    private const int ShareOfNeighbour = 4;
    private const int MaxNeighbours = 1_024;

    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, Bucket> _neighbours = [];
    private readonly Bucket _all = new(1);

    /// <summary>
    /// Takes a number of verifications; the caller waits as long as the result says before it computes them.
    /// </summary>
    public TimeSpan Reserve(int count, TimeSpan now)
    {
        lock (_lock)
        {
            double available = _all.Refill(now) - count;
            _all.Available = available;
            return available >= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(-available / PerSecond);
        }
    }

    /// <summary>Takes one verification of something a neighbour has passed on; false when there is none for it.</summary>
    public bool TryTake(PeerId neighbour, TimeSpan now)
    {
        lock (_lock)
        {
            if (!_neighbours.TryGetValue(neighbour, out Bucket? share))
            {
                if (_neighbours.Count >= MaxNeighbours)
                    _neighbours.Clear(); // there are a handful; these are long gone
                _neighbours[neighbour] = share = new Bucket(ShareOfNeighbour);
            }
            double left = share.Refill(now);
            double available = _all.Refill(now);
            if (available < 1 || (available < Scarce && left < 1))
                return false;
            share.Available = Math.Max(0, left - 1);
            _all.Available = available - 1;
            return true;
        }
    }

    /// <summary>A part of the budget.</summary>
    private sealed class Bucket(int divisor)
    {
        private TimeSpan _updated;

        public double Available { get; set; } = (double)Burst / divisor;

        public double Refill(TimeSpan now)
        {
            if (now > _updated)
            {
                double refilled = Available + ((now - _updated).TotalSeconds * PerSecond / divisor);
                Available = Math.Min((double)Burst / divisor, refilled);
                _updated = now;
            }
            return Available;
        }
    }
}
