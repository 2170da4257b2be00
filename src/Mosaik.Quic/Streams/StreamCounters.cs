namespace Mosaik.Quic.Streams;

/// <summary>The streams of one direction that we open: how many the peer allows, how many there were.</summary>
internal sealed class LocalStreams
{
    private ulong? _reportedBlocked;

    /// <summary>How many were opened; the index of the next one.</summary>
    public ulong Opened { get; private set; }

    /// <summary>How many the peer allows.</summary>
    public ulong Limit { get; private set; }

    /// <summary>An open was refused since the limit was last raised.</summary>
    public bool IsWanted { get; private set; }

    /// <summary>STREAMS_BLOCKED is to be sent.</summary>
    public bool BlockedPending { get; set; }

    /// <summary>Takes the next index; false at the limit, where STREAMS_BLOCKED becomes due once.</summary>
    public bool TryOpen(out ulong index)
    {
        index = Opened;
        if (Opened < Limit)
        {
            Opened++;
            return true;
        }
        IsWanted = true;
        if (_reportedBlocked != Limit)
        {
            _reportedBlocked = Limit;
            BlockedPending = true;
        }
        return false;
    }

    /// <summary>MAX_STREAMS. True when someone waits for it.</summary>
    public bool Raise(ulong limit)
    {
        if (limit <= Limit)
            return false;
        Limit = limit;
        BlockedPending = false;
        bool wanted = IsWanted;
        IsWanted = false;
        return wanted;
    }
}

/// <summary>
/// The streams of one direction that the peer opens. Credit returns when a stream is finished and consumed (E13).
/// MAX_STREAMS is due when an eighth of the window has returned, and at once when the peer has used up its limit:
/// otherwise a few long streams beside many short ones could hold back the last credit for ever.
/// </summary>
internal sealed class RemoteStreams
{
    private readonly ulong _window;

    /// <summary>A kind of which the peer may have <paramref name="window"/> streams at a time.</summary>
    public RemoteStreams(ulong window)
    {
        _window = window;
        Limit = window;
    }

    /// <summary>How many the peer has opened, explicitly or implicitly.</summary>
    public ulong Opened { get; set; }

    /// <summary>The limit last announced.</summary>
    public ulong Limit { get; private set; }

    /// <summary>How many are finished and consumed.</summary>
    public ulong Finished { get; set; }

    /// <summary>The last announcement was lost, or the peer says that it is blocked.</summary>
    public bool UpdateWanted { get; set; }

    /// <summary>The limit an update announces.</summary>
    public ulong NextLimit => Math.Min(Finished + _window, Wire.FrameReader.MaxStreamCount);

    /// <summary>True when MAX_STREAMS is due.</summary>
    public bool IsUpdateDue => UpdateWanted
        || NextLimit - Limit >= Math.Max(1, _window / StreamLimits.StreamUpdateFraction)
        || (Opened == Limit && NextLimit > Limit);

    /// <summary>Notes that <see cref="NextLimit"/> is announced.</summary>
    public void Announce()
    {
        Limit = NextLimit;
        UpdateWanted = false;
    }
}
