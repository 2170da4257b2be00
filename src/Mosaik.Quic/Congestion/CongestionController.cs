
namespace Mosaik.Quic.Congestion;

/// <summary>The congestion window of one path and the bytes in flight against it (RFC 9002 §7, appendix B).</summary>
/// <remarks>
/// <para>
/// This base keeps what all loss-based controllers share: slow start, the recovery period (one reduction per round
/// trip:
/// packets sent before it began neither open nor reduce the window again), the collapse to <see cref="MinimumWindow"/>
/// on persistent
/// congestion, and the rule that the window grows only while it is used. The subclass says how to grow in congestion
/// avoidance and by how much to reduce.
/// </para>
/// <para>
/// The window counts as used when, at some moment of this round trip or the last, the bytes in flight were at least
/// half of it
/// in slow start, all of it but three datagrams later. So no caller has to tell whether it ran out of data, and a drain
/// that
/// processes many ACKs before the next packet is sent does not look like an idle application.
/// </para>
/// <para>
/// Method order: <see cref="OnPacketSent"/>; per settled packet <see cref="OnPacketRemoved"/>, and per ACK frame first
/// <see cref="OnLost"/>, then <see cref="OnAcknowledged"/> with the bytes of packets for which <see cref="MayGrow"/>
/// held.
/// </para>
/// </remarks>
internal abstract class CongestionController
{
    /// <summary>The first window is this many bytes unless ten datagrams are fewer (RFC 9002 §7.2).</summary>
    private const long InitialWindowBytes = 14_720;

    /// <summary>Datagrams a window may lack and still count as used; the pacer sends in small bursts.</summary>
    private const int UnusedDatagramsAllowed = 3;

    private TimeSpan? _recoveryStart;
    private TimeSpan _roundStart;
    private TimeSpan _lastSent;
    private bool _usedThisRound;
    private bool _usedLastRound;

    /// <summary>A controller in slow start with the initial window: 12,000 bytes for datagrams of 1200.</summary>
    protected CongestionController(int maxDatagramSize = 1200)
    {
        MaxDatagramSize = maxDatagramSize;
        Window = Math.Min(10L * maxDatagramSize, Math.Max(InitialWindowBytes, 2L * maxDatagramSize));
    }

    /// <summary>Bytes a datagram may have on this path.</summary>
    public int MaxDatagramSize { get; private set; }

    /// <summary>The smallest window: two datagrams.</summary>
    public long MinimumWindow => 2L * MaxDatagramSize;

    /// <summary>Bytes that may be in flight.</summary>
    public long Window { get; protected set; }

    /// <summary>Slow start ends at this window; <see cref="long.MaxValue"/> before the first loss.</summary>
    public long SlowStartThreshold { get; protected set; } = long.MaxValue;

    /// <summary>Bytes of packets that count as in flight and are neither acknowledged nor lost.</summary>
    public long BytesInFlight { get; private set; }

    /// <summary>Bytes that may be sent now.</summary>
    public long Available => Math.Max(0, Window - BytesInFlight);

    /// <summary>Whether the window still doubles per round trip.</summary>
    public bool IsSlowStart => Window < SlowStartThreshold;

    /// <summary>How often the window was reduced.</summary>
    public ulong CongestionEvents { get; private set; }

    /// <summary>A packet that counts as in flight was sent.</summary>
    public void OnPacketSent(TimeSpan now, int size)
    {
        if (BytesInFlight == 0)
            OnUnusedWindow(now);
        BytesInFlight += size;
        _lastSent = now;
        _usedThisRound |= IsSlowStart
            ? BytesInFlight >= Window / 2
            : BytesInFlight + (long)UnusedDatagramsAllowed * MaxDatagramSize >= Window;
    }

    /// <summary>A packet that counted as in flight was acknowledged, lost or forgotten.</summary>
    public void OnPacketRemoved(int size)
    {
        BytesInFlight -= size;
        if (BytesInFlight < 0)
            throw new InvalidOperationException("more bytes were removed than were in flight");
    }

    /// <summary>
    /// Whether a packet sent at that time opens the window when it is acknowledged: not before the last reduction.
    /// </summary>
    public bool MayGrow(TimeSpan timeSent) => _recoveryStart is null || timeSent > _recoveryStart;

    /// <summary>
    /// Packets were acknowledged; <paramref name="bytes"/> counts those for which <see cref="MayGrow"/> held.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="newestTimeSent">When the newest of them was sent.</param>
    /// <param name="bytes">Their bytes.</param>
    /// <param name="smoothedRtt">The path's smoothed round-trip time, with this acknowledgement's sample.</param>
    public void OnAcknowledged(TimeSpan now, TimeSpan newestTimeSent, long bytes, TimeSpan smoothedRtt)
    {
        if (newestTimeSent > _roundStart)
        {
            // A packet sent after the round began is acknowledged: a round trip has passed.
            _roundStart = _lastSent;
            _usedLastRound = _usedThisRound;
            _usedThisRound = false;
        }
        if (!_usedThisRound && !_usedLastRound)
        {
            OnUnusedWindow(now);
            return;
        }
        if (IsSlowStart)
        {
            long step = Math.Min(bytes, SlowStartThreshold - Window);
            Window += step;
            bytes -= step;
        }
        if (bytes > 0)
            Grow(now, bytes, smoothedRtt);
    }

    /// <summary>Packets were lost, the newest of them sent at that time; true when this reduced the window.</summary>
    public bool OnLost(TimeSpan now, TimeSpan newestTimeSent, long bytes)
    {
        if (!MayGrow(newestTimeSent))
            return false;
        _recoveryStart = now;
        CongestionEvents++;
        Reduce(now);
        Window = Math.Max(Window, MinimumWindow);
        return true;
    }

    /// <summary>Everything was lost for three probe timeouts: start again from the minimum (RFC 9002 §7.6.2).</summary>
    public void OnPersistentCongestion()
    {
        Window = MinimumWindow;
        _recoveryStart = null;
        Restart();
    }

    /// <summary>The path carries larger datagrams, or fewer bytes than thought.</summary>
    public void SetMaxDatagramSize(int size)
    {
        MaxDatagramSize = size;
        Window = Math.Max(Window, MinimumWindow);
    }

    /// <summary>Opens the window in congestion avoidance.</summary>
    protected abstract void Grow(TimeSpan now, long bytes, TimeSpan smoothedRtt);

    /// <summary>
    /// Reduces <see cref="Window"/> and sets <see cref="SlowStartThreshold"/>; the minimum is applied afterwards.
    /// </summary>
    protected abstract void Reduce(TimeSpan now);

    /// <summary>Forgets the history of the window after persistent congestion.</summary>
    protected abstract void Restart();

    /// <summary>The application did not use the window since the last acknowledgement that opened it.</summary>
    protected virtual void OnUnusedWindow(TimeSpan now)
    {
    }
}
