using Microsoft.Extensions.Logging;

namespace Mosaik.Simulation.Streams;

/// <summary>What a node logs, as lines of the run's log.</summary>
internal sealed class WorldLogger(StreamsWorld world, string node) : ILoggerFactory, ILogger
{
    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
        // There is one log.
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Debug;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter) =>
        world.Log($"{node} {logLevel} {formatter(state, exception)}{(exception is null ? "" : " " + exception)}");

    public void Dispose()
    {
        // Nothing is held.
    }
}
