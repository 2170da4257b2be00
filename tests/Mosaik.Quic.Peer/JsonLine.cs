using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Mosaik.Quic.Peer;

/// <summary>One event: a JSON object on one line of standard output.</summary>
internal sealed class JsonLine : IDisposable
{
    private static readonly Stream Output = Console.OpenStandardOutput();
    private static readonly Lock OutputLock = new();
    private readonly ArrayBufferWriter<byte> _buffer = new();
    private readonly Utf8JsonWriter _writer;

    private JsonLine(string name)
    {
        _writer = new Utf8JsonWriter(
            _buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        _writer.WriteStartObject();
        _writer.WriteString("event", name);
    }

    /// <summary>Begins an event.</summary>
    public static JsonLine Event(string name) => new(name);

    /// <summary>Begins an event of a connection.</summary>
    public static JsonLine Event(string name, long connection) => new JsonLine(name).With("conn", connection);

    public JsonLine With(string key, string value)
    {
        _writer.WriteString(key, value);
        return this;
    }

    public JsonLine With(string key, ReadOnlySpan<byte> bytes) => With(key, Convert.ToHexStringLower(bytes));

    public JsonLine With(string key, long value)
    {
        _writer.WriteNumber(key, value);
        return this;
    }

    public JsonLine With(string key, ulong value)
    {
        _writer.WriteNumber(key, value);
        return this;
    }

    public JsonLine With(string key, bool value)
    {
        _writer.WriteBoolean(key, value);
        return this;
    }

    /// <summary>Prints it.</summary>
    public void Print()
    {
        using var writer = _writer;
        writer.WriteEndObject();
        writer.Flush();
        _buffer.Write("\n"u8);
        lock (OutputLock)
        {
            Output.Write(_buffer.WrittenSpan);
            Output.Flush();
        }
    }

    public void Dispose() => _writer.Dispose();

    /// <summary>A message for people, on standard error.</summary>
    public static void Warn(string message) => Console.Error.WriteLine($"quic-peer: {message}");
}
