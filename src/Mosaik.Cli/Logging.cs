using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Mosaik.Cli;

/// <summary>
/// Log lines on stderr; the level comes from <c>MOSAIK_LOG</c> or <c>-v</c> (spec/cli-metrics.md §1.1).
/// </summary>
internal static class Logging
{
    /// <summary>The name of the environment variable.</summary>
    public const string Variable = "MOSAIK_LOG";

    /// <summary>A level, or <c>Category=level</c> pairs separated by commas, overrides what is given: a
    /// level, and categories of which only warnings are of interest.</summary>
    public static ILoggerFactory Create(LogLevel level, params IReadOnlyList<string> quieter)
    {
        var setting = Environment.GetEnvironmentVariable(Variable) ?? "";
        return LoggerFactory.Create(builder =>
        {
            builder.SetMinimumLevel(level);
            foreach (var category in setting.Length == 0 ? quieter : [])
                builder.AddFilter(category, LogLevel.Warning);
            foreach (var part in setting.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                var (category, text) = part.Split('=') is [var name, var value] ? (name, value) : (null, part);
                if (ParseLevel(text) is not { } wanted)
                    throw new ToolException($"{Variable}: '{text}' is not one of trace, debug, info, warn, error");
                if (category is null)
                    builder.SetMinimumLevel(wanted);
                else
                    builder.AddFilter(category, wanted);
            }

            builder.AddSimpleConsole(options =>
            {
                options.SingleLine = true;
                options.TimestampFormat = "HH:mm:ss.fff ";
                options.ColorBehavior = LoggerColorBehavior.Disabled;
            });
            builder.AddConsole(options => options.LogToStandardErrorThreshold = LogLevel.Trace);
        });
    }

    private static LogLevel? ParseLevel(string text) => text.ToLowerInvariant() switch
    {
        "trace" => LogLevel.Trace,
        "debug" => LogLevel.Debug,
        "info" => LogLevel.Information,
        "warn" => LogLevel.Warning,
        "error" => LogLevel.Error,
        _ => null,
    };
}
