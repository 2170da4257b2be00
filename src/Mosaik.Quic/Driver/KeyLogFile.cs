using System.Text;
using Microsoft.Extensions.Logging;

namespace Mosaik.Quic.Driver;

/// <summary>
/// Appends key-log lines to the file named by SSLKEYLOGFILE (spec/quic.md §3.11). Other processes may append to it as well.
/// </summary>
internal sealed class KeyLogFile : IDisposable
{
    private const string Variable = "SSLKEYLOGFILE";

    private readonly Lock _lock = new();
    private readonly FileStream _file;

    private KeyLogFile(FileStream file) => _file = file;

    /// <summary>
    /// The sink of an endpoint: the option's, the file's or both; null if neither is wanted. The file stays open for
    /// <paramref name="file"/>'s life.
    /// </summary>
    public static Action<string>? SinkFor(QuicOptions options, ILogger logger, out KeyLogFile? file)
    {
        file = options.AllowKeyLogFromEnvironment ? TryOpen(Environment.GetEnvironmentVariable(Variable), logger) : null;
        if (file is null)
            return options.KeyLog;
        Action<string> write = file.Write;
        return options.KeyLog + write;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
            _file.Dispose();
    }

    private static KeyLogFile? TryOpen(string? path, ILogger logger)
    {
        if (string.IsNullOrEmpty(path))
            return null;
        try
        {
            // Unbuffered: each line is one append, whole among the lines of other processes.
            return new KeyLogFile(new FileStream(
                path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            Log.KeyLogUnavailable(logger, path, e);
            return null;
        }
    }

    private void Write(string line)
    {
        lock (_lock)
            _file.Write(Encoding.ASCII.GetBytes(line + "\n"));
    }
}
