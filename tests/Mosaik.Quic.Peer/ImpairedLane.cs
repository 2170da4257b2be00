namespace Mosaik.Quic.Peer;

/// <summary>
/// One direction of a bad network. The n-th datagram has the same fate in every run with the same seed.
/// </summary>
internal sealed class ImpairedLane(ulong seed, double loss, double reorder, TimeProvider clock, Action<HeldDatagram> pass)
{
    private const int MaxHeld = 16;
    private static readonly TimeSpan HoldTime = TimeSpan.FromMilliseconds(20);

    private readonly List<(HeldDatagram Datagram, long ReleaseAt, long Since)> _held = [];
    private ulong _random = seed;

    public long Seen { get; private set; }

    public long Dropped { get; private set; }

    public long Delayed { get; private set; }

    /// <summary>True while datagrams are held back.</summary>
    public bool IsHolding => _held.Count > 0;

    /// <summary>Decides what becomes of a datagram.</summary>
    public void Push(HeldDatagram datagram)
    {
        Seen++;
        var drop = NextUnit() < loss;
        var delay = NextUnit() < reorder;
        var later = 1 + (long)(Next() % 4);
        if (drop)
        {
            Dropped++;
        }
        else if (delay && _held.Count < MaxHeld)
        {
            Delayed++;
            _held.Add((datagram, Seen + later, clock.GetTimestamp()));
        }
        else
        {
            pass(datagram);
        }
        Release();
    }

    /// <summary>Lets go of whatever is due.</summary>
    public void Release()
    {
        for (var i = 0; i < _held.Count;)
        {
            var (datagram, releaseAt, since) = _held[i];
            if (Seen < releaseAt && clock.GetElapsedTime(since) < HoldTime)
            {
                i++;
                continue;
            }
            _held.RemoveAt(i);
            pass(datagram);
        }
    }

    /// <summary>SplitMix64, as the independent peer has it.</summary>
    public static ulong Next(ref ulong state)
    {
        var z = state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    private ulong Next() => Next(ref _random);

    private double NextUnit() => (Next() >> 11) * (1.0 / (1UL << 53));
}
