using System.Net;
using Mosaik.Quic;

namespace Mosaik.Testing;

/// <summary>
/// Who reaches whom and how well: directed connections between hosts, each with its own conditions, each to be cut and
/// healed. Shared by the datagram network and the in-memory transport.
/// </summary>
/// <remarks>Thread-safe. Hosts are named by their addresses; ports play no part.</remarks>
public sealed class SimulatedLinks
{
    private const int SmallestQueue = 64;

    private readonly Lock _lock = new();
    private readonly RandomSource _random;
    private readonly Dictionary<(IPAddress From, IPAddress To), LinkConditions> _conditions = [];
    private readonly HashSet<(IPAddress From, IPAddress To)> _blocked = [];
    private readonly Dictionary<(IPAddress From, IPAddress To), Traffic> _traffic = [];
    private LinkConditions _default = new();

    internal SimulatedLinks(RandomSource random) => _random = random;

    /// <summary>Called after something was cut or healed; must not change links.</summary>
    internal Action? Changed { get; set; }

    /// <summary>What holds between two hosts for which nothing else was set.</summary>
    public LinkConditions Default
    {
        get
        {
            lock (_lock)
                return _default;
        }

        set
        {
            ArgumentNullException.ThrowIfNull(value);
            lock (_lock)
                _default = value;
        }
    }

    /// <summary>Sets the conditions of one direction.</summary>
    /// <param name="from">The sender.</param>
    /// <param name="to">The receiver.</param>
    /// <param name="conditions">Null = the default again.</param>
    public void Set(IPAddress from, IPAddress to, LinkConditions? conditions)
    {
        lock (_lock)
        {
            if (conditions is null)
                _conditions.Remove((from, to));
            else
                _conditions[(from, to)] = conditions;
        }

        Changed?.Invoke();
    }

    /// <summary>Cuts one direction.</summary>
    /// <param name="from">The sender.</param>
    /// <param name="to">The receiver.</param>
    public void Block(IPAddress from, IPAddress to)
    {
        lock (_lock)
            _blocked.Add((from, to));
        Changed?.Invoke();
    }

    /// <summary>Heals one direction.</summary>
    /// <param name="from">The sender.</param>
    /// <param name="to">The receiver.</param>
    public void Unblock(IPAddress from, IPAddress to)
    {
        lock (_lock)
            _blocked.Remove((from, to));
        Changed?.Invoke();
    }

    /// <summary>Cuts both directions between every host of one side and every host of the other.</summary>
    /// <param name="left">One side.</param>
    /// <param name="right">The other side.</param>
    public void Partition(IEnumerable<IPAddress> left, IEnumerable<IPAddress> right)
    {
        ArgumentNullException.ThrowIfNull(left);
        var others = right.ToArray();
        lock (_lock)
        {
            foreach (var one in left)
            {
                foreach (var other in others)
                {
                    _blocked.Add((one, other));
                    _blocked.Add((other, one));
                }
            }
        }

        Changed?.Invoke();
    }

    /// <summary>Heals everything that was cut. Conditions stay.</summary>
    public void Heal()
    {
        lock (_lock)
            _blocked.Clear();
        Changed?.Invoke();
    }

    /// <summary>Whether nothing passes in this direction, because it is cut or loses everything.</summary>
    /// <param name="from">The sender.</param>
    /// <param name="to">The receiver.</param>
    /// <returns>True if nothing passes.</returns>
    public bool IsBlocked(IPAddress from, IPAddress to)
    {
        lock (_lock)
            return IsCut(from, to, Of(from, to));
    }

    /// <summary>
    /// When something that is sent again until it has got there arrives: after queue and latency, and a retransmission for
    /// every loss, each after twice the time of the one before, within the given limits. Null while nothing passes.
    /// </summary>
    internal TimeSpan? Arrival(
        IPAddress from, IPAddress to, TimeSpan now, int bytes, TimeSpan shortestRetransmission, TimeSpan longestRetransmission)
    {
        lock (_lock)
        {
            var conditions = Of(from, to);
            if (IsCut(from, to, conditions))
                return null;
            var latency = Draw(conditions);
            var arrival = latency + (conditions.Bandwidth is null
                ? now
                : PassQueue(from, to, conditions with { MaxDatagramSize = int.MaxValue / SmallestQueue }, now, bytes) ?? now);
            for (var wait = latency * 2; Chance(conditions.Loss); wait *= 2)
            {
                wait = TimeSpan.FromTicks(Math.Clamp(wait.Ticks, shortestRetransmission.Ticks, longestRetransmission.Ticks));
                arrival += wait;
            }

            return arrival;
        }
    }

    internal LinkConditions Get(IPAddress from, IPAddress to)
    {
        lock (_lock)
            return Of(from, to);
    }

    /// <summary>One draw of the latency.</summary>
    internal TimeSpan Latency(LinkConditions conditions)
    {
        lock (_lock)
            return Draw(conditions);
    }

    /// <summary>Whether something of this probability happens now. Draws only for real chances.</summary>
    internal bool Happens(double probability)
    {
        lock (_lock)
            return Chance(probability);
    }

    internal int Below(int exclusiveMax)
    {
        lock (_lock)
            return _random.NextBelow(exclusiveMax);
    }

    /// <summary>
    /// The time at which a datagram has passed the queue of its connection; null if the queue is full. The queue holds
    /// 64 full datagrams or one bandwidth-delay product, whichever is more.
    /// </summary>
    internal TimeSpan? PassQueue(IPAddress from, IPAddress to, LinkConditions conditions, TimeSpan now, int bytes)
    {
        if (conditions.Bandwidth is not { } bandwidth)
            return now;
        lock (_lock)
        {
            var traffic = TrafficOf(from, to);
            var start = traffic.FreeAt > now ? traffic.FreeAt : now;
            var queued = (start - now).TotalSeconds * bandwidth;
            var room = Math.Max(
                (double)SmallestQueue * conditions.MaxDatagramSize, bandwidth * 2 * conditions.MaxLatency.TotalSeconds);
            if (queued + bytes > room)
                return null;
            traffic.FreeAt = start + TimeSpan.FromSeconds((double)bytes / bandwidth);
            return traffic.FreeAt;
        }
    }

    /// <summary>Keeps datagrams that are not held up in order: none arrives before its predecessor.</summary>
    internal TimeSpan InOrder(IPAddress from, IPAddress to, TimeSpan arrival)
    {
        lock (_lock)
        {
            var traffic = TrafficOf(from, to);
            if (arrival < traffic.LastArrival)
                arrival = traffic.LastArrival;
            traffic.LastArrival = arrival;
            return arrival;
        }
    }

    private LinkConditions Of(IPAddress from, IPAddress to) =>
        _conditions.Count > 0 && _conditions.TryGetValue((from, to), out var own) ? own : _default;

    private bool IsCut(IPAddress from, IPAddress to, LinkConditions conditions) =>
        conditions.Loss >= 1 || (_blocked.Count > 0 && _blocked.Contains((from, to)));

    private TimeSpan Draw(LinkConditions conditions)
    {
        var span = (conditions.MaxLatency - conditions.MinLatency).Ticks;
        var ticks = conditions.MinLatency.Ticks + (span <= 0 ? 0 : (long)_random.NextBelow((ulong)span + 1));
        return TimeSpan.FromTicks(Chance(conditions.TailProbability) ? (long)(ticks * conditions.TailFactor) : ticks);
    }

    private bool Chance(double probability) => probability > 0 && (probability >= 1 || _random.NextDouble() < probability);

    private Traffic TrafficOf(IPAddress from, IPAddress to)
    {
        if (!_traffic.TryGetValue((from, to), out var traffic))
            _traffic[(from, to)] = traffic = new Traffic();
        return traffic;
    }

    private sealed class Traffic
    {
        public TimeSpan FreeAt { get; set; }

        public TimeSpan LastArrival { get; set; }
    }
}
