using System.Runtime.InteropServices;

namespace Mosaik.Quic.Streams;

/// <summary>
/// Credit for sending (RFC 9000 §4.1), of the connection or of one stream: the peer raises <see cref="Limit"/>, sending
/// new bytes raises <see cref="Used"/>. Sending bytes again costs nothing.
/// </summary>
[StructLayout(LayoutKind.Auto)]
internal struct SendCredit
{
    private ulong _reportedBlocked;
    private bool _reported;

    /// <summary>The offset (or sum of offsets) up to which may be sent.</summary>
    public ulong Limit { get; private set; }

    /// <summary>How much of it is used.</summary>
    public ulong Used { get; private set; }

    /// <summary>What is left.</summary>
    public readonly ulong Available => Limit - Used;

    /// <summary>Raises the limit; false when it is not higher than before (frames may arrive late).</summary>
    public bool TryRaise(ulong limit)
    {
        if (limit <= Limit)
            return false;
        Limit = limit;
        return true;
    }

    /// <summary>Uses credit.</summary>
    public void Use(int count) => Used += (ulong)count;

    /// <summary>True once for each limit at which sending is blocked: a *_BLOCKED frame is due.</summary>
    public bool TryReportBlocked()
    {
        if (Available > 0 || (_reported && _reportedBlocked == Limit))
            return false;
        _reported = true;
        _reportedBlocked = Limit;
        return true;
    }
}

/// <summary>
/// Credit granted to the peer, of the connection or of one stream. The window slides with what the application has
/// consumed; a new limit is announced when half the window has been consumed since the last one, so that the peer never
/// waits for credit while the application keeps up, and small reads do not cause a frame each.
/// </summary>
[StructLayout(LayoutKind.Auto)]
internal struct ReceiveCredit
{
    /// <summary>Credit with a window of this size, announced as the first limit.</summary>
    public ReceiveCredit(ulong window)
    {
        Window = window;
        Limit = window;
    }

    /// <summary>The size of the window.</summary>
    public ulong Window { get; }

    /// <summary>The limit last announced to the peer.</summary>
    public ulong Limit { get; private set; }

    /// <summary>The highest offset received (or the sum of those of all streams).</summary>
    public ulong Received { get; private set; }

    /// <summary>What the application has consumed, or what was dropped for it.</summary>
    public ulong Consumed { get; private set; }

    /// <summary>Notes received bytes; false when they exceed the limit (FLOW_CONTROL_ERROR).</summary>
    public bool TryReceive(ulong count)
    {
        if (count > Limit - Received)
            return false;
        Received += count;
        return true;
    }

    /// <summary>Notes consumed bytes.</summary>
    public void Consume(ulong count) => Consumed += count;

    /// <summary>True when a new limit is worth a frame.</summary>
    public readonly bool IsUpdateDue => Limit < Wire.VarInt.MaxValue && NextLimit - Limit >= Math.Max(1, Window / 2);

    /// <summary>The limit that an update announces.</summary>
    public readonly ulong NextLimit => Math.Max(Limit, Math.Min(Consumed + Window, Wire.VarInt.MaxValue));

    /// <summary>Notes that <see cref="NextLimit"/> is announced, and returns it.</summary>
    public ulong Announce() => Limit = NextLimit;
}
