using System.Globalization;
using System.Runtime.InteropServices;
using Mosaik.Postcard;

namespace Mosaik.Discovery;

/// <summary>
/// The version of a peer entry: when its process started and when it was last changed (spec/discovery.md §3).
/// </summary>
/// <remarks>Ordered by start, then by update. Decisions use the raw integers; the times are for people.</remarks>
/// <param name="Start">Start of the process, milliseconds since the Unix epoch.</param>
/// <param name="Update">Last change, milliseconds since the Unix epoch; runs ahead of the clock in bursts.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct PeerVersion(long Start, long Update) : IComparable<PeerVersion>
{
    private const long MillisecondsPerWeek = 7L * 24 * 60 * 60 * 1000;

    /// <summary>Start of the process; the epoch when the raw value is out of range.</summary>
    public DateTimeOffset StartedAt => ToTime(Start);

    /// <summary>Last change; the epoch when the raw value is out of range.</summary>
    public DateTimeOffset UpdatedAt => ToTime(Update);

    /// <summary>Whether this version is strictly greater.</summary>
    /// <param name="other">The other version.</param>
    /// <returns>True if it is.</returns>
    public bool IsNewerThan(PeerVersion other) => CompareTo(other) > 0;

    /// <summary>Start first, then update.</summary>
    /// <param name="other">The other version.</param>
    /// <returns>Negative, zero or positive.</returns>
    public int CompareTo(PeerVersion other) =>
        Start != other.Start ? Start.CompareTo(other.Start) : Update.CompareTo(other.Update);

    /// <summary>Time since the start of the process, not below zero.</summary>
    /// <param name="now">The current time.</param>
    /// <returns>The uptime.</returns>
    public TimeSpan UptimeAt(DateTimeOffset now)
    {
        TimeSpan uptime = now - StartedAt;
        return uptime > TimeSpan.Zero ? uptime : TimeSpan.Zero;
    }

    /// <summary><c>start.update</c>.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Start}.{Update}");

    /// <summary>The update modulo one week, for logs.</summary>
    /// <returns>The text.</returns>
    public string ToShortString() => (Update % MillisecondsPerWeek).ToString(CultureInfo.InvariantCulture);

    /// <summary>The first version of a process.</summary>
    internal static PeerVersion First(long nowMs) => new(nowMs, nowMs);

    /// <summary>
    /// The version after this high-water mark: later than everything signed before, whatever the clock does.
    /// </summary>
    internal PeerVersion Next(long nowMs)
    {
        long floor = Math.Max(Update, nowMs);
        return new PeerVersion(Start, floor == long.MaxValue ? floor : floor + 1);
    }

    internal bool IsStale(long nowMs, long purgeAfterMs) => Update < Saturating.Subtract(nowMs, purgeAfterMs);

    internal bool IsFromFuture(long nowMs, long maxDriftMs)
    {
        long horizon = Saturating.Add(nowMs, maxDriftMs);
        return Update > horizon || Start > horizon;
    }

    internal void Write(ref PostcardWriter writer)
    {
        writer.WriteInt64(Start);
        writer.WriteInt64(Update);
    }

    internal static bool TryRead(scoped ref PostcardReader reader, out PeerVersion version)
    {
        long update = 0;
        bool read = reader.TryReadInt64(out long start) && reader.TryReadInt64(out update);
        version = new PeerVersion(start, update);
        return read;
    }

    /// <summary>Order by start, then by update.</summary>
    /// <param name="left">One version.</param>
    /// <param name="right">Another version.</param>
    public static bool operator <(PeerVersion left, PeerVersion right) => left.CompareTo(right) < 0;

    /// <summary>Order by start, then by update.</summary>
    /// <param name="left">One version.</param>
    /// <param name="right">Another version.</param>
    public static bool operator >(PeerVersion left, PeerVersion right) => left.CompareTo(right) > 0;

    /// <summary>Order by start, then by update.</summary>
    /// <param name="left">One version.</param>
    /// <param name="right">Another version.</param>
    public static bool operator <=(PeerVersion left, PeerVersion right) => left.CompareTo(right) <= 0;

    /// <summary>Order by start, then by update.</summary>
    /// <param name="left">One version.</param>
    /// <param name="right">Another version.</param>
    public static bool operator >=(PeerVersion left, PeerVersion right) => left.CompareTo(right) >= 0;

    private static DateTimeOffset ToTime(long milliseconds) =>
        milliseconds >= DateTimeOffset.MinValue.ToUnixTimeMilliseconds()
        && milliseconds <= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()
            ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds)
            : DateTimeOffset.UnixEpoch;
}
