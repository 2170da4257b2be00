namespace Mosaik.Quic.Congestion;

/// <summary>Spreads packets over the round trip (RFC 9002 §7.7, spec/performance.md §4.8).</summary>
/// <remarks>
/// <para>
/// Algorithm: a token bucket filled at 1.25 × window / smoothed RTT. It holds 2 ms worth of tokens, at least 10 and at
/// most 64
/// datagrams, and starts full. <see cref="Budget"/> is asked once before a batch and bounds it, <see cref="OnSent"/> is
/// told
/// once after it, so a segmented send is never cut in the middle. Once less than a datagram is left, the bucket
/// first fills up to a quantum (2 ms worth, 1–10 datagrams), so that a fast path gets few large batches, not many small
/// ones.
/// Below a smoothed RTT of 1 ms there is no pacing: timers would cost more than bursts.
/// </para>
/// <para>
/// Method order: <see cref="Budget"/>; if it is zero, wait until <see cref="NextSendTime"/>; after the batch
/// <see cref="OnSent"/>. ACK-only
/// packets and probes need no budget; counting them is harmless, the bucket goes below zero.
/// </para>
/// </remarks>
internal sealed class Pacer
{
    /// <summary>The rate relative to window / RTT.</summary>
    public const double Gain = 1.25;

    /// <summary>The fewest datagrams of a full bucket.</summary>
    public const int MinBurstDatagrams = 10;

    /// <summary>The most datagrams of a full bucket.</summary>
    public const int MaxBurstDatagrams = 64;

    /// <summary>A full bucket is worth this much time.</summary>
    public static readonly TimeSpan BurstTime = TimeSpan.FromMilliseconds(2);

    /// <summary>The smoothed RTT below which nothing is paced.</summary>
    public static readonly TimeSpan MinPacedRtt = TimeSpan.FromMilliseconds(1);

    private double _tokens;
    private double _bytesPerTick;
    private double _capacity;
    private int _maxDatagramSize;
    private TimeSpan _filledAt;
    private bool _started;
    private bool _refilling;
    private bool _paced;

    /// <summary>Bytes a full bucket holds.</summary>
    public long Capacity => (long)_capacity;

    /// <summary>
    /// Bytes the next batch may have: whole datagrams, 0 = wait, <see cref="long.MaxValue"/> = not paced.
    /// </summary>
    public long Budget(TimeSpan now, TimeSpan smoothedRtt, long window, int maxDatagramSize)
    {
        Refill(now, smoothedRtt, window, maxDatagramSize);
        if (!_paced)
            return long.MaxValue;
        if (_refilling && _tokens < Quantum)
            return 0;
        _refilling = _tokens < maxDatagramSize;
        return _refilling ? 0 : (long)_tokens / maxDatagramSize * maxDatagramSize;
    }

    /// <summary>A batch was sent.</summary>
    public void OnSent(long bytes)
    {
        if (!_paced)
            return;
        _tokens -= bytes;
        if (_tokens < _maxDatagramSize)
            _refilling = true;
    }

    /// <summary>When the budget is not zero any more; valid after <see cref="Budget"/> was asked.</summary>
    public TimeSpan NextSendTime
    {
        get
        {
            if (!_paced || !_refilling)
                return _filledAt;
            double missing = Quantum - _tokens;
            return missing <= 0 ? _filledAt : _filledAt + TimeSpan.FromTicks((long)Math.Ceiling(missing / _bytesPerTick));
        }
    }

    private double Quantum =>
        Math.Clamp(_bytesPerTick * BurstTime.Ticks, _maxDatagramSize, (double)MinBurstDatagrams * _maxDatagramSize);

    private void Refill(TimeSpan now, TimeSpan smoothedRtt, long window, int maxDatagramSize)
    {
        _maxDatagramSize = maxDatagramSize;
        bool wasPaced = _paced;
        _paced = smoothedRtt >= MinPacedRtt;
        if (!_paced)
        {
            _filledAt = now;
            return;
        }
        _bytesPerTick = Gain * window / smoothedRtt.Ticks;
        _capacity = Math.Clamp(
            _bytesPerTick * BurstTime.Ticks, (double)MinBurstDatagrams * maxDatagramSize, (double)MaxBurstDatagrams * maxDatagramSize);
        if (!_started || !wasPaced)
        {
            _started = true;
            _refilling = false;
            _tokens = _capacity;
        }
        else if (now > _filledAt)
        {
            _tokens += (now - _filledAt).Ticks * _bytesPerTick;
        }
        _tokens = Math.Min(_tokens, _capacity);
        if (now > _filledAt)
            _filledAt = now;
    }
}
