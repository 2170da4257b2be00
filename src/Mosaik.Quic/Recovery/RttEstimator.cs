namespace Mosaik.Quic.Recovery;

/// <summary>Round-trip time of one path (RFC 9002 §5).</summary>
/// <remarks>
/// Exponentially weighted mean (1/8) and mean deviation (1/4) of samples from which the peer's acknowledgement delay is
/// taken
/// off, but never below the smallest round trip seen. Before the first sample the estimate is 333 ms ± 166.5 ms.
/// The caller passes a zero delay for Initial and Handshake packets and caps it by the peer's max_ack_delay after the
/// handshake is confirmed (spec/quic.md §13, trap 9).
/// </remarks>
internal sealed class RttEstimator
{
    /// <summary>The estimate before the first sample (RFC 9002 §6.2.2).</summary>
    public static readonly TimeSpan Initial = TimeSpan.FromMilliseconds(333);

    /// <summary>The assumed precision of timers (RFC 9002 §6.1.2).</summary>
    public static readonly TimeSpan Granularity = TimeSpan.FromMilliseconds(1);

    /// <summary>An estimate without samples.</summary>
    /// <param name="initial">The round-trip time assumed until the first sample; <see cref="Initial"/> if not
    /// given.</param>
    public RttEstimator(TimeSpan? initial = null)
    {
        Smoothed = initial ?? Initial;
        Variation = Smoothed / 2;
    }

    /// <summary>Whether a sample was taken.</summary>
    public bool HasSample { get; private set; }

    /// <summary>The last sample, or zero.</summary>
    public TimeSpan Latest { get; private set; }

    /// <summary>The smallest sample since the path began or persistent congestion ended, or zero.</summary>
    public TimeSpan Min { get; private set; }

    /// <summary>The smoothed round-trip time.</summary>
    public TimeSpan Smoothed { get; private set; }

    /// <summary>The mean deviation.</summary>
    public TimeSpan Variation { get; private set; }

    /// <summary>
    /// smoothed + max(4 × deviation, granularity): the probe timeout without the peer's delay and without back-off.
    /// </summary>
    public TimeSpan ProbeTimeoutBase => Smoothed + Max(TimeSpan.FromTicks(Variation.Ticks * 4), Granularity);

    /// <summary>
    /// 9/8 × max(smoothed, latest), at least the granularity: how late a packet may be before it counts as lost.
    /// </summary>
    public TimeSpan LossDelay
    {
        get
        {
            long rtt = Max(Smoothed, Latest).Ticks;
            return Max(TimeSpan.FromTicks(rtt + rtt / 8), Granularity);
        }
    }

    /// <summary>Takes a sample. A negative one (a clock that stood still) counts as zero.</summary>
    public void Update(TimeSpan sample, TimeSpan ackDelay)
    {
        Latest = Max(sample, TimeSpan.Zero);
        if (!HasSample)
        {
            HasSample = true;
            Min = Latest;
            Smoothed = Latest;
            Variation = Latest / 2;
            return;
        }
        if (Latest < Min)
            Min = Latest;
        TimeSpan adjusted = Latest - Min >= ackDelay ? Latest - ackDelay : Latest;
        TimeSpan deviation = (Smoothed - adjusted).Duration();
        Variation = TimeSpan.FromTicks((Variation.Ticks * 3 + deviation.Ticks) / 4);
        Smoothed = TimeSpan.FromTicks((Smoothed.Ticks * 7 + adjusted.Ticks) / 8);
    }

    /// <summary>
    /// After persistent congestion the old minimum says nothing about the path any more (RFC 9002 §5.2).
    /// </summary>
    public void RestartMinimum() => Min = Latest;

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
