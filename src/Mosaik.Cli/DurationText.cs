using System.Globalization;

namespace Mosaik.Cli;

/// <summary>A duration on the command line: a number and ms, s, m or h; seconds if there is no unit.</summary>
internal static class DurationText
{
    private static readonly (string Unit, double Seconds)[] Units = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600)];

    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = default;
        var (unit, seconds) = Array.Find(Units, u => text.EndsWith(u.Unit, StringComparison.Ordinal));
        if (!double.TryParse(
            text.AsSpan(0, text.Length - (unit?.Length ?? 0)), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            return false;
        var total = number * (unit is null ? 1 : seconds);
        if (total is not (>= 0.001 and <= 365 * 86_400.0))
            return false;
        duration = TimeSpan.FromSeconds(total);
        return true;
    }

    /// <summary>For people: in the largest unit of which there is at least one.</summary>
    public static string Of(TimeSpan duration) => duration switch
    {
        { TotalSeconds: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalMilliseconds:0.#} ms"),
        { TotalSeconds: < 120 } => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalSeconds:0.#} s"),
        { TotalMinutes: < 120 } => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalMinutes:0} m"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalHours:0} h"),
    };
}
