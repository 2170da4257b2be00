using Mosaik.Quic;

namespace Mosaik.Groups.Bonds;

/// <summary>
/// When a bond pings and when it gives up (spec/groups.md §4.6).
/// </summary>
/// <remarks>
/// <para>Ticks come every interval minus a random part of the jitter, drawn anew after every tick and every receipt; the
/// first is immediate, and a late one delays the next. On a tick without a receipt within interval plus jitter one heartbeat
/// counts as missed; at the limit the bond is lost. If nothing is waiting to be sent, a tick sends a ping.</para>
/// <para>Call <see cref="Tick"/> at <see cref="NextTick"/>. Receipts are not reported one by one: the time of the last one
/// is enough.</para>
/// </remarks>
internal sealed class HeartbeatCore
{
    private readonly TimeSpan _interval;
    private readonly TimeSpan _jitter;
    private readonly uint _maxMissed;
    private readonly RandomSource _random;
    private TimeSpan _lastSeen;

    /// <summary>Starts at the moment a bond is formed.</summary>
    public HeartbeatCore(ConsensusOptions options, RandomSource random, TimeSpan now)
    {
        _interval = options.HeartbeatInterval;
        _jitter = options.HeartbeatJitter;
        _maxMissed = options.MaxMissedHeartbeats;
        _random = random;
        _lastSeen = NextTick = now;
    }

    /// <summary>What a tick asks for.</summary>
    internal enum Action
    {
        /// <summary>Nothing.</summary>
        None,

        /// <summary>A ping.</summary>
        Ping,

        /// <summary>The peer was silent for too long.</summary>
        GiveUp,
    }

    /// <summary>When to call next.</summary>
    public TimeSpan NextTick { get; private set; }

    /// <summary>Silent intervals since the last receipt.</summary>
    public uint Missed { get; private set; }

    /// <summary>The time has come, perhaps.</summary>
    /// <param name="now">The current time.</param>
    /// <param name="lastReceipt">When the last bytes came.</param>
    /// <param name="isIdle">Whether nothing is waiting to be sent.</param>
    public Action Tick(TimeSpan now, TimeSpan lastReceipt, bool isIdle)
    {
        if (lastReceipt > _lastSeen)
        {
            _lastSeen = lastReceipt;
            Missed = 0;
            NextTick = lastReceipt + Draw();
        }

        if (now < NextTick)
            return Action.None;
        NextTick = now + Draw();
        if (now - _lastSeen > _interval + _jitter && ++Missed >= _maxMissed)
            return Action.GiveUp;
        return isIdle ? Action.Ping : Action.None;
    }

    private TimeSpan Draw()
    {
        var jitter = _jitter.Ticks / TimeSpan.TicksPerMillisecond;
        return jitter == 0 ? _interval : _interval - TimeSpan.FromMilliseconds(_random.NextBelow((ulong)jitter));
    }
}
