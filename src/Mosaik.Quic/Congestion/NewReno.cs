
namespace Mosaik.Quic.Congestion;

/// <summary>
/// NewReno as RFC 9002 §7.3 describes it: one datagram more per window acknowledged, half of the window after a loss.
/// </summary>
/// <remarks>
/// Method order: that of <see cref="CongestionController"/>. The simplest controller that is fair; <see cref="Cubic"/>
/// is the default.
/// </remarks>
internal sealed class NewReno(int maxDatagramSize = 1200) : CongestionController(maxDatagramSize)
{
    private long _acknowledged;     // bytes towards the next datagram of window

    /// <inheritdoc/>
    protected override void Grow(TimeSpan now, long bytes, TimeSpan smoothedRtt)
    {
        _acknowledged += bytes;
        while (_acknowledged >= Window)
        {
            _acknowledged -= Window;
            Window += MaxDatagramSize;
        }
    }

    /// <inheritdoc/>
    protected override void Reduce(TimeSpan now)
    {
        Window = Math.Max(Window / 2, MinimumWindow);
        SlowStartThreshold = Window;
        _acknowledged = 0;
    }

    /// <inheritdoc/>
    protected override void Restart() => _acknowledged = 0;
}
