using System.Text;
using Microsoft.Extensions.Logging;

namespace Mosaik.Quic.Driver;

/// <summary>
/// Appends key-log lines to the file named by SSLKEYLOGFILE (spec/quic.md §3.11). On Linux other processes may append to it
/// as well; elsewhere the base class library writes at positions of its own, so that each process needs its own file.
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
            return new KeyLogFile(Open(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            Log.KeyLogUnavailable(logger, path, e);
            return null;
        }
    }

    /// <summary>Unbuffered: each line is one write.</summary>
    private static FileStream Open(string path) => OperatingSystem.IsLinux()
        ? new FileStream(LinuxFile.OpenToAppend(path), FileAccess.Write, bufferSize: 0)
        : new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);

    private void Write(string line)
    {
        lock (_lock)
            _file.Write(Encoding.ASCII.GetBytes(line + "\n"));
    }
}
