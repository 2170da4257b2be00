using System.Runtime.InteropServices;

namespace Mosaik.Discovery;

/// <summary>
/// When a ticket ends to be valid: at a time, or never. Ordered by time, never last; the default is never.
/// </summary>
[StructLayout(LayoutKind.Auto)]
public readonly record struct Expiration : IComparable<Expiration>
{
    private Expiration(DateTimeOffset? time) => Time = time;

    /// <summary>No end.</summary>
    public static Expiration Never => default;

    /// <summary>The end, in UTC; null for never.</summary>
    public DateTimeOffset? Time { get; }

    /// <summary>Valid before this instant.</summary>
    /// <param name="time">The instant.</param>
    /// <returns>The expiration.</returns>
    public static Expiration At(DateTimeOffset time) => new(time.ToUniversalTime());

    /// <summary>Valid for a while from now.</summary>
    /// <param name="now">The current time.</param>
    /// <param name="duration">How long.</param>
    /// <returns>The expiration.</returns>
    public static Expiration After(DateTimeOffset now, TimeSpan duration) => At(now + duration);

    /// <summary>Whether the end has come.</summary>
    /// <param name="now">The current time.</param>
    /// <returns>True at the instant itself and later.</returns>
    public bool IsExpired(DateTimeOffset now) => Time <= now;

    /// <summary>How long it still holds.</summary>
    /// <param name="now">The current time.</param>
    /// <returns>Zero when expired, null for never.</returns>
    public TimeSpan? Remaining(DateTimeOffset now) => Time is not { } time ? null : time > now ? time - now : TimeSpan.Zero;

    /// <inheritdoc/>
    public int CompareTo(Expiration other) => (Time, other.Time) switch
    {
        (null, null) => 0,
        (null, _) => 1,
        (_, null) => -1,
        var (x, y) => x.Value.CompareTo(y.Value),
    };

    /// <summary>By time, never last.</summary>
    /// <param name="left">One expiration.</param>
    /// <param name="right">Another expiration.</param>
    public static bool operator <(Expiration left, Expiration right) => left.CompareTo(right) < 0;

    /// <summary>By time, never last.</summary>
    /// <param name="left">One expiration.</param>
    /// <param name="right">Another expiration.</param>
    public static bool operator >(Expiration left, Expiration right) => left.CompareTo(right) > 0;

    /// <summary>By time, never last.</summary>
    /// <param name="left">One expiration.</param>
    /// <param name="right">Another expiration.</param>
    public static bool operator <=(Expiration left, Expiration right) => left.CompareTo(right) <= 0;

    /// <summary>By time, never last.</summary>
    /// <param name="left">One expiration.</param>
    /// <param name="right">Another expiration.</param>
    public static bool operator >=(Expiration left, Expiration right) => left.CompareTo(right) >= 0;
}
