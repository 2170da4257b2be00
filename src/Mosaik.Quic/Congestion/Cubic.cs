
namespace Mosaik.Quic.Congestion;

/// <summary>CUBIC (RFC 9438), the default controller.</summary>
/// <remarks>
/// <para>
/// Algorithm, windows in datagrams. After a reduction the window follows W(t) = C·(t − K)³ + W_max, where t is the time
/// since
/// congestion avoidance began, W_max the window before the reduction and K the time the curve needs from the reduced
/// window back to W_max: fast at first, flat around W_max, then probing ever faster. Per acknowledged window the step
/// is
/// W(t + RTT) − window, limited to half of the window (§4.2, §4.4, §4.5). Where a Reno flow with the same average,
/// W_est, would be
/// faster, the window is W_est (§4.3). A reduction multiplies by β = 0.7; if the window had not come back to W_max, the
/// flow
/// makes room and remembers (1 + β)/2 of the window (fast convergence, §4.7).
/// </para>
/// <para>
/// Reduction starts from the window, not from the bytes in flight as §4.6 has it: the window never grows while it is
/// unused, so
/// it cannot be stale, and losses already taken out of flight do not count twice. Time in which the application does
/// not
/// fill the window is taken out of t (§5.8). After persistent congestion the next congestion avoidance starts with K =
/// 0 and
/// W_max = window (§4.8).
/// </para>
/// <para>Method order: that of <see cref="CongestionController"/>. Not done: HyStart++, undoing spurious reductions
/// (§4.9).</para>
/// </remarks>
internal sealed class Cubic(int maxDatagramSize = 1200) : CongestionController(maxDatagramSize)
{
    /// <summary>The factor of a reduction (§4.6).</summary>
    public const double Beta = 0.7;

    /// <summary>The steepness of the curve, datagrams per second³ (§5).</summary>
    public const double C = 0.4;

    /// <summary>Reno's step with a reduction of β that is as aggressive as one datagram with a half (§4.3).</summary>
    private const double RenoAlpha = 3 * (1 - Beta) / (1 + Beta);

    private double _maxWindow;          // W_max, bytes; 0 = unknown
    private double _priorWindow;        // the window before the last reduction, bytes
    private double _renoWindow;         // W_est, bytes
    private double _fraction;           // part of a byte that the window still lacks
    private double _originSeconds;      // K
    private TimeSpan? _epochStart;      // t = 0, or null outside congestion avoidance
    private TimeSpan _lastAcknowledged;

    /// <summary>W_max in bytes, 0 while unknown.</summary>
    public long MaxWindow => (long)_maxWindow;

    /// <summary>K: seconds from the start of the epoch to W_max.</summary>
    public double OriginSeconds => _originSeconds;

    /// <inheritdoc/>
    protected override void Grow(TimeSpan now, long bytes, TimeSpan smoothedRtt)
    {
        if (_epochStart is null)
            StartEpoch(now);
        _lastAcknowledged = now;

        double seconds = (now - _epochStart!.Value).TotalSeconds;   // set by StartEpoch
        double step;

        double alpha = _renoWindow >= _priorWindow ? 1 : RenoAlpha;
        _renoWindow += alpha * MaxDatagramSize * bytes / Window;
        if (CurveAt(seconds) < _renoWindow)
        {
            step = _renoWindow - Window;
        }
        else
        {
            double target = Math.Clamp(CurveAt(seconds + smoothedRtt.TotalSeconds), Window, 1.5 * Window);
            step = (target - Window) * bytes / Window;
        }
        if (step <= 0)
            return;
        step += _fraction;
        long whole = (long)step;
        _fraction = step - whole;
        Window += whole;
    }

    /// <inheritdoc/>
    protected override void Reduce(TimeSpan now)
    {
        double window = Window;
        _priorWindow = window;
        _maxWindow = window < _maxWindow ? window * (1 + Beta) / 2 : window;
        Window = Math.Max((long)(window * Beta), MinimumWindow);
        SlowStartThreshold = Window;
        _epochStart = null;
    }

    /// <inheritdoc/>
    protected override void Restart()
    {
        _maxWindow = 0;
        _epochStart = null;
    }

    /// <inheritdoc/>
    protected override void OnUnusedWindow(TimeSpan now)
    {
        if (_epochStart is null)
            return;
        _epochStart += now - _lastAcknowledged;
        _lastAcknowledged = now;
    }

    private void StartEpoch(TimeSpan now)
    {
        _epochStart = now;
        _lastAcknowledged = now;
        _fraction = 0;
        _renoWindow = Window;
        if (_maxWindow <= Window)
        {
            // Slow start went beyond the old maximum, or there is none: begin on the plateau.
            _maxWindow = Window;
            _originSeconds = 0;
        }
        else
        {
            _originSeconds = Math.Cbrt((_maxWindow - Window) / MaxDatagramSize / C);
        }
    }

    private double CurveAt(double seconds)
    {
        double t = seconds - _originSeconds;
        return C * t * t * t * MaxDatagramSize + _maxWindow;
    }
}
