using Microsoft.Extensions.Logging;

namespace Mosaik.Simulation.Discovery;

/// <summary>The log of one node: lines for whoever reads the run, and a failure of the run for every error.</summary>
internal sealed class WorldLog(int node, EventLog events, bool mayMeetItself, Action<string> onError) : ILoggerFactory, ILogger
{
    // What others know of an earlier run lies in the future of a clock that is behind.
    private const int IdentityConflict = 2010;

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error || (events.IsLogging && logLevel >= LogLevel.Debug);

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (events.IsLogging)
            events.Line($"n{node} {logLevel} {formatter(state, exception)}");
        if (logLevel >= LogLevel.Error && !(mayMeetItself && eventId.Id == IdentityConflict))
            onError($"n{node}: {formatter(state, exception)} {exception}");
    }

    public void Dispose()
    {
        // Nothing is held.
    }
}
