using System.Globalization;
using System.Runtime.InteropServices;

namespace Mosaik.Streams;

/// <summary>What has passed through a channel or a consumer, at one moment (spec/streams.md §7.3).</summary>
/// <param name="Datums">Datums so far; reconnects do not start over.</param>
/// <param name="Bytes">Their payload bytes, without the 4-byte length of each.</param>
/// <param name="Uptime">For how long it has been connected without a break; null while it is not.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct StreamStats(long Datums, long Bytes, TimeSpan? Uptime)
{
    private static readonly string[] Units = ["B", "kB", "MB", "GB", "TB"];

    /// <summary>For people: <c>uptime: 2m 30s, datums: 15432, bytes: 1.23 MB</c>.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"uptime: {(Uptime is { } uptime ? Duration(uptime) : "N/A")}, datums: {Datums}, bytes: {Size(Bytes)}");

    private static string Duration(TimeSpan duration)
    {
        if (duration < TimeSpan.FromSeconds(1))
            return string.Create(CultureInfo.InvariantCulture, $"{duration.Milliseconds}ms");
        (int Value, string Unit)[] parts =
            [(duration.Days, "d"), (duration.Hours, "h"), (duration.Minutes, "m"), (duration.Seconds, "s")];
        return string.Join(' ', parts.Where(static p => p.Value > 0)
            .Select(static p => p.Value.ToString(CultureInfo.InvariantCulture) + p.Unit));
    }

    /// <summary>
    /// Decimal units, at most two decimals, cut and not rounded, so that no value looks like the next unit.
    /// </summary>
    private static string Size(long bytes)
    {
        var unit = 0;
        decimal value = bytes;
        while (value >= 1000 && unit < Units.Length - 1)
        {
            value /= 1000;
            unit++;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{decimal.Truncate(value * 100) / 100:0.##} {Units[unit]}");
    }
}
