namespace Mosaik.Quic.Recovery;

/// <summary>
/// A run of lost packets of one space between which nothing was acknowledged: the measure of persistent congestion
/// (RFC 9002 §7.6.2).
/// </summary>
/// <remarks>
/// Within a space the run is exact: an acknowledged packet between two lost ones ends it. An acknowledgement in another
/// space
/// for a packet sent since the run began ends it, too; that can only make the verdict rarer than the RFC allows.
/// </remarks>
internal struct LossRun
{
    private bool _active;

    /// <summary>When the first ack-eliciting lost packet was sent.</summary>
    public TimeSpan Start { get; private set; }

    /// <summary>When the last ack-eliciting lost packet was sent.</summary>
    public TimeSpan End { get; private set; }

    /// <summary>The time the run spans.</summary>
    public readonly TimeSpan Duration => _active ? End - Start : TimeSpan.Zero;

    /// <summary>Adds a lost ack-eliciting packet.</summary>
    public void Extend(TimeSpan timeSent)
    {
        if (!_active)
        {
            _active = true;
            Start = timeSent;
        }
        End = timeSent;
    }

    /// <summary>A packet of this space was acknowledged after the lost ones.</summary>
    public void Break() => _active = false;

    /// <summary>A packet of another space, sent at that time, was acknowledged.</summary>
    public void BreakIfStartedBy(TimeSpan timeSent)
    {
        if (_active && timeSent >= Start)
            _active = false;
    }
}
